// Which part of the conformance suite is run: a share of the samples as a rule, all of them with CONFORMANCE=all, and of those, with CONFORMANCE_SHARE=k/n, only the primitives of
// share k of n, where all in one run would take too long. The shares add up to the whole. A page is told in its address, other processes in the environment.

/** `all`: every sample. `share`: primitives k, k + n, k + 2n, …; the programs belong to share 0. */
export interface Part {
  readonly all: boolean;
  readonly share: readonly [k: number, n: number];
}

/** The part that these variables name; without them a share of the samples of every primitive. @throws when CONFORMANCE_SHARE is not k/n with k below n */
export function partOf(variable: (name: "CONFORMANCE" | "CONFORMANCE_SHARE") => string | null | undefined): Part {
  const text = variable("CONFORMANCE_SHARE") ?? "0/1",
    [, k, n] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number);
  if (k === undefined || n === undefined || k >= n) throw new Error(`CONFORMANCE_SHARE is "${text}": it is k/n with k below n`);
  return { all: variable("CONFORMANCE") === "all", share: [k, n] };
}
/** The same part as a page's query. */
export const queryOf = ({ all, share }: Part): string =>
  new URLSearchParams({ ...(all ? { CONFORMANCE: "all" } : {}), CONFORMANCE_SHARE: share.join("/") }).toString();
/** Share `inner` of share `outer` of the whole. */
export const shareOf = ([k, n]: Part["share"], [i, m]: Part["share"]): Part["share"] => [k + n * i, n * m];
