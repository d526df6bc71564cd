// How many random programs are tried, and which: the same ones in every run of CI.

/** fast-check's settings from the environment: PULLBACK_FUZZ_RUNS (default `runs`) and PULLBACK_FUZZ_SEED, a number or "random" (default: always the same programs, so that a
 *  run that fails fails again). */
export const fuzzSettings = (runs: number): { numRuns: number; includeErrorInReport: boolean; seed?: number } => {
  const env: { readonly [name: string]: string | undefined } = typeof process === "undefined" ? {} : process.env; // pages have none
  const asked = env["PULLBACK_FUZZ_RUNS"] ?? runs,
    seed = env["PULLBACK_FUZZ_SEED"] ?? 1;
  return { numRuns: Number(asked), includeErrorInReport: true, ...(seed === "random" ? {} : { seed: Number(seed) }) };
};
