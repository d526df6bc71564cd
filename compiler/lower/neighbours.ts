// Folds over leading axes on a machine of many threads: an item a result, neighbours side by side (`Grid.adjacent`). A tall space is folded in pieces first: how many depends on
// sizes only.
import { computeDType } from "../../runtime/dtype.ts";
import { sizeOf, type Aval, type Shape } from "../ir/aval.ts";
import type { Stmt } from "../ir/kernel.ts";
import { exprVar, type Expr } from "../ir/scalar.ts";
import type { SlotRef } from "../ir/schedule.ts";
import type { Fold } from "./columns.ts";
import { ravel, unravel } from "./indexing.ts";
import type { Launch } from "./loops.ts";
import type { Target } from "./reduce.ts";
import { KernelScope, type Places } from "./scope.ts";

/** Spaces up to SMALL elements are folded in one pass. Else pieces of at least SHORTEST rows, as many as make about GROUPS groups of WIDE columns. */
const SMALL = 65536,
  SHORTEST = 128,
  GROUPS = 512,
  WIDE = 32;

/** Folds of one space: `n` rows to results of `keptShape`. `read` gives the values at a result and a row. */
export interface Pass {
  readonly name: string;
  readonly folds: readonly Fold[];
  readonly places: Places;
  readonly keptShape: Shape;
  readonly n: number;
  readonly weight: number;
  readonly read: (s: KernelScope, kept: readonly Expr[], row: Expr) => readonly Expr[];
}
/** The launches of a pass. `fresh` makes temporary memory. */
export function sideBySide(p: Pass, targets: readonly Target[], fresh: (a: Aval) => SlotRef): Launch[] {
  const { name, keptShape, n, read } = p,
    results = sizeOf(keptShape),
    most = Math.min(Math.ceil(GROUPS / Math.ceil(results / WIDE)), Math.floor(n / SHORTEST));
  if (results * n <= SMALL || most < 2) return [pass(p, targets)];
  const rows = Math.ceil(n / most),
    pieces = Math.ceil(n / rows),
    even = n % rows === 0;
  const partial = targets.map((t): Target => {
    const aval: Aval = { dtype: computeDType(t.aval.dtype), shape: [pieces, ...keptShape] };
    return { ref: fresh(aval), aval };
  });
  const identity = p.folds.flatMap(f => f.init);
  const first: Pass = {
    ...p,
    name: `${name}_pieces`,
    keptShape: [pieces, ...keptShape],
    n: rows,
    read: (s, [piece, ...kept], r) => {
      const { ops } = s,
        row = ops.binary("add", ops.binary("mul", piece ?? ops.int(0), ops.int(rows)), r);
      if (even) return read(s, kept, row);
      const inside = ops.compare("lt", row, ops.int(n));
      return read(s, kept, ops.binary("min", row, ops.int(n - 1))).map((x, k) =>
        ops.select(inside, x, ops.const(identity[k] ?? 0, x.dtype)),
      );
    },
  };
  const second: Pass = {
    ...p,
    n: pieces,
    weight: 1,
    read: (s, kept, r) =>
      partial.map(({ ref, aval }) => s.ops.load(s.buffer(ref, aval, "read"), aval.dtype, ravel(s.ops, [r, ...kept], aval.shape))),
  };
  return [pass(first, partial), pass(second, targets)];
}

function pass({ name, folds, places, keptShape, n, weight, read }: Pass, targets: readonly Target[]): Launch {
  const s = new KernelScope(places),
    { ops } = s,
    results = sizeOf(keptShape);
  const item = s.loop("item", results),
    r = s.loop("r", n),
    kept = unravel(ops, item, keptShape),
    values = read(s, kept, r);
  const dtypes = folds.flatMap(f => f.dtypes),
    variables = (label: string): ReturnType<typeof exprVar>[] => dtypes.map((d, k) => exprVar(`${label}${k}`, d));
  const a = variables("a"),
    b = variables("b"),
    total = variables("total"),
    init = folds.flatMap(f => f.init);
  let from = 0;
  const combine = folds.flatMap(f => {
    const to = from + f.dtypes.length,
      out = f.combine(s, a.slice(from, to), b.slice(from, to));
    from = to;
    return out;
  });
  const body: Stmt[] = [
    {
      kind: "fold",
      v: r,
      begin: ops.int(0),
      end: ops.int(n),
      folds: total.map((acc, k) => ({ acc, init: ops.const(init[k] ?? 0, acc.dtype) })),
      body: [],
      values,
      a,
      b,
      combine,
    },
    ...targets.map(({ ref, aval }, k): Stmt => ({
      kind: "store",
      buf: s.buffer(ref, aval, "write"),
      index: item,
      value: ops.convert(total[k] as Expr, aval.dtype), // one accumulator a target
    })),
  ];
  return {
    kernel: {
      kind: "loop",
      name,
      params: s.params,
      scratch: [],
      grid: { v: item, extent: results, cost: n * weight, adjacent: true },
      body,
    },
    args: s.args,
  };
}
