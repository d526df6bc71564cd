// The text of `$vars(…)`: the variables that a statement may assign, those first that are read after it.
import { rangeOf, type Range, type Variable } from "./bindings.ts";
import type { ts } from "./typescript.ts";
import type { Work } from "./work.ts";

/** The argument for `statement`, whose program covers `range`; `own` are variables of a loop's head. Undefined when nothing is assigned. */
export function varsOf(w: Work, statement: ts.Node, range: Range = rangeOf(statement), own: readonly Variable[] = []): string | undefined {
  const assigned = w.bindings.assignedIn(range, statement);
  const live = assigned.filter(v => w.bindings.isReadAfter(v, statement)),
    dead = [...assigned.filter(v => !live.includes(v)), ...own];
  const names = [...live, ...dead].map(v => v.name);
  if (names.length === 0) return undefined;
  const list = names.join(", "),
    values = w.names.fresh("$v");
  const vars = w.names.of("$vars");
  // For types alone: TypeScript follows no assignment inside closures, so here each variable becomes whatever its declaration lets it be.
  const anything = /\.[cm]?jsx?$/.test(w.file.fileName) ? `/** @type {any} */ (${vars})` : `${vars} as any`;
  const count = w.forTypes ? `([${list}] = ${anything}, ${live.length})` : live.length;
  return `${vars}([${names.map(n => JSON.stringify(n)).join(", ")}], ${count}, () => [${list}], ${values} => { [${list}] = ${values}; })`;
}
/** Arguments after the first ones, without trailing undefined. */
export function tailArguments(args: readonly (string | undefined)[]): string {
  let n = args.length;
  while (n > 0 && args[n - 1] === undefined) n--;
  return args
    .slice(0, n)
    .map(a => `, ${a ?? "undefined"}`)
    .join("");
}
