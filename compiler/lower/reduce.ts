// Folds. Trailing axes: one accumulator a row. Leading axes: whole rows of accumulators side by side, the vector axis inside. A few long rows are
// folded in fixed pieces first, so that results never depend on the number of threads.
import { computeDType } from "../../runtime/dtype.ts";
import { InternalError } from "../../runtime/errors/error.ts";
import { sizeOf, type Aval, type Shape } from "../ir/aval.ts";
import type { Eqn } from "../ir/func.ts";
import type { Stmt } from "../ir/kernel.ts";
import type { Lowering } from "../ir/primitive.ts";
import { substitute } from "../ir/exprs.ts";
import { exprVar, type Expr, type ExprVar } from "../ir/scalar.ts";
import type { SlotRef } from "../ir/schedule.ts";
import { ravel, unravel } from "./indexing.ts";
import { affineIn, inRows, type Launch } from "./loops.ts";
import { isFew, pieceOf } from "./pieces.ts";
import { KernelScope, type Places } from "./scope.ts";

type Reduce = Extract<Lowering, { kind: "reduce" }>;
/** Memory for one output. */
export interface Target {
  readonly ref: SlotRef;
  readonly aval: Aval;
}

const PIECE = 16384;
/** Few rows that are long: folded in pieces, so that there is work for every thread. */
export const isLong = (rows: number, n: number): boolean => rows < 16 && n > 4 * PIECE;

/** Launches that fold `e` into `targets` (one per operand). `fresh` makes temporary memory. `many`: for a machine of many threads (`pieces.ts`), which need not walk memory in order. */
export function reduceKernels(
  name: string,
  e: Eqn,
  places: Places,
  targets: readonly Target[],
  weight: number,
  fresh: (a: Aval) => SlotRef,
  many = false,
): Launch[] {
  const lower = e.prim.lower;
  if (lower.kind !== "reduce") throw new InternalError(`${e.prim.name} is not a reduction`);
  const shape = e.ins[0]?.aval.shape ?? [],
    axes = lower.axes(e.params),
    kept = shape.map((_, d) => d).filter(d => !axes.includes(d));
  const place = (outer: readonly Expr[], inner: readonly Expr[]): Expr[] =>
    shape.map((_, d) => (axes.includes(d) ? inner[axes.indexOf(d)] : outer[kept.indexOf(d)]) as Expr); // every dimension is one or the other
  const read = (s: KernelScope, index: readonly Expr[]): Expr[] => e.ins.map(a => s.read(a, index));
  const keptShape = kept.map(d => shape[d] ?? 0),
    redShape = axes.map(d => shape[d] ?? 0),
    n = sizeOf(redShape),
    rows = sizeOf(keptShape);
  if (many ? isFew({ rows, n }, 1) : isLong(rows, n)) {
    const piece = many ? pieceOf(n) : PIECE,
      pieces = Math.ceil(n / piece),
      partial = targets.map(t => {
        const a: Aval = { dtype: computeDType(t.aval.dtype), shape: [...keptShape, pieces] };
        return { ref: fresh(a), aval: a };
      });
    const first = rowFold(`${name}_pieces`, lower, e, places, partial, [...keptShape, pieces], [piece], weight, many, (s, o, [r]) => {
      const at = s.ops.binary("add", s.ops.binary("mul", o[keptShape.length] ?? s.ops.int(0), s.ops.int(piece)), r ?? s.ops.int(0));
      const inside = n % piece === 0 ? undefined : s.ops.compare("lt", at, s.ops.int(n)),
        clamped = n % piece === 0 ? at : s.ops.binary("min", at, s.ops.int(n - 1));
      const values = read(s, place(o.slice(0, keptShape.length), unravel(s.ops, clamped, redShape)));
      const init = lower.init(
        e.params,
        e.ins.map(a => a.aval),
      );
      return inside ? values.map((x, k) => s.ops.select(inside, x, s.ops.const(init[k] ?? 0, x.dtype))) : values;
    });
    const second = rowFold(name, lower, e, places, targets, keptShape, [pieces], 1, many, (s, o, r) =>
      partial.map(p => s.ops.load(s.buffer(p.ref, p.aval, "read"), p.aval.dtype, ravel(s.ops, [...o, ...r], p.aval.shape))),
    );
    return [first, second];
  }
  return [rowFold(name, lower, e, places, targets, keptShape, redShape, weight, many, (s, o, r) => read(s, place(o, r)))];
}

type Reader = (s: KernelScope, kept: readonly Expr[], reduced: readonly Expr[]) => readonly Expr[];
interface Combined {
  readonly a: readonly ExprVar[];
  readonly b: readonly ExprVar[];
  readonly values: readonly Expr[];
}
function combiner(s: KernelScope, lower: Reduce, e: Eqn): Combined {
  const dtypes = e.ins.map(x => computeDType(x.aval.dtype));
  const a = dtypes.map((d, k) => exprVar(`a${k}`, d)),
    b = dtypes.map((d, k) => exprVar(`b${k}`, d));
  return { a, b, values: lower.combine(s.ops, a, b, e.params) };
}

/** One result for each row: a fold over the reduced index, merged into one loop where accesses allow, else loops around a fold over its last dimension. */
function rowFold(
  name: string,
  lower: Reduce,
  e: Eqn,
  places: Places,
  targets: readonly Target[],
  keptShape: Shape,
  redShape: Shape,
  weight: number,
  many: boolean,
  read: Reader,
): Launch {
  for (let split = 0; ; split++) {
    const s = new KernelScope(places),
      { ops } = s,
      last = split >= Math.max(0, redShape.length - 1);
    const rows = sizeOf(keptShape),
      outer = sizeOf(redShape.slice(0, split)),
      inner = sizeOf(redShape.slice(split));
    const row = s.loop("row", rows),
      o = s.loop("o", outer),
      j = s.loop("j", inner);
    const kept = unravel(ops, row, keptShape);
    const values = read(s, kept, [...unravel(ops, o, redShape.slice(0, split)), ...unravel(ops, j, redShape.slice(split))]);
    if (!last && !many && !values.every(v => affineIn(v, j))) continue;
    const init = lower.init(
        e.params,
        e.ins.map(x => x.aval),
      ),
      { a, b, values: combine } = combiner(s, lower, e);
    const total = a.map((v, k) => exprVar(`total${k}`, v.dtype)),
      acc = a.map((v, k) => exprVar(`acc${k}`, v.dtype));
    const fold = (into: readonly ExprVar[]): Stmt => ({
      kind: "fold",
      v: j,
      begin: ops.int(0),
      end: ops.int(inner),
      folds: into.map((v, k) => ({ acc: v, init: ops.const(init[k] ?? 0, v.dtype) })),
      body: [],
      values,
      a,
      b,
      combine,
    });
    const replace = new Map<Expr, Expr>([
      ...a.map((v, k) => [v, total[k] as Expr] as const),
      ...b.map((v, k) => [v, acc[k] as Expr] as const),
    ]); // equal lengths
    const stmts: Stmt[] =
      split === 0
        ? [fold(total)]
        : [
            ...total.map((v, k): Stmt => ({ kind: "let", v, value: ops.const(init[k] ?? 0, v.dtype) })),
            {
              kind: "for",
              v: o,
              begin: ops.int(0),
              end: ops.int(outer),
              parallel: false,
              body: [
                fold(acc),
                ...setAll(
                  total,
                  combine.map(c => substitute(c, replace)),
                ),
              ],
            },
          ];
    const stores = targets.map((t, k): Stmt => ({
      kind: "store",
      buf: s.buffer(t.ref, t.aval, "write"),
      index: ravel(ops, kept, keptShape),
      value: ops.convert(total[k] as Expr, t.aval.dtype),
    })); // one per operand
    const { grid, stmts: body } = inRows(ops, row, rows, outer * inner * weight, [...stmts, ...stores]);
    return { kernel: { kind: "loop", name, params: s.params, scratch: [], grid, body }, args: s.args };
  }
}
/** Assign several variables at once: every value is computed before any is replaced. */
function setAll(vars: readonly ExprVar[], values: readonly Expr[]): Stmt[] {
  const next = vars.map(v => exprVar(`next_${v.name}`, v.dtype));
  return [
    ...next.map((v, k): Stmt => ({ kind: "let", v, value: values[k] as Expr })),
    ...vars.map((v, k): Stmt => ({ kind: "set", v, value: next[k] as Expr })),
  ]; // equal lengths
}
