// Operands of products that are computed on their way into shared memory: how many neighbours at once, and their values. What lies side by side in memory is loaded at once, what is the same for all
// of them once, the rest element by element.
import { byteSize, type DType } from "../../../../runtime/dtype.ts";
import { mapOperands, operands, replaceVars, rewriting } from "../../../ir/exprs.ts";
import type { FragmentDType } from "../../../ir/fragment.ts";
import { exprVar, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { KernelParam } from "../../../ir/kernel.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { coefficient } from "../../indexing.ts";
import { arith, int } from "../builder.ts";
import { divisor } from "./divisor.ts";

type Load = Extract<Expr, { kind: "load" }>;
/** Bytes of one access to memory. */
const ACCESS = 16;
/** How a load follows its neighbours: `side` by side, the `same`, or `apart`. */
const follows = (e: Load, v: ExprVar): "side" | "same" | "apart" => {
  const c = e.guard ? undefined : coefficient(e.index, v);
  return c === 1 ? "side" : c === 0 ? "same" : "apart";
};
function loadsOf(e: Expr): ReadonlySet<Load> {
  const seen = new Set<Expr>(),
    found = new Set<Load>();
  const visit = (x: Expr): void => {
    if (seen.has(x)) return;
    seen.add(x);
    if (x.kind === "load") found.add(x);
    operands(x).forEach(visit);
  };
  visit(e);
  return found;
}
const chunkOf = (dtype: DType, count: number): number => Math.min(count, ACCESS / byteSize(dtype));

/** How many neighbours along `v`, of which there are `limit`, are computed at once: as many as shared memory takes in one access where loads allow it, 1 where nothing lies side by side. */
export function togetherOf(
  e: Expr,
  v: ExprVar,
  limit: number,
  params: readonly KernelParam[],
  dtype: FragmentDType,
  aligned: (param: number) => number,
): number {
  const loads = [...loadsOf(e)].filter(x => follows(x, v) === "side");
  const fits = (x: Load, count: number): boolean => {
    const from = params[x.buf]?.dtype;
    if (from !== "f32" && from !== "f16" && from !== "bf16") return false;
    const chunk = chunkOf(from, count);
    return aligned(x.buf) % (chunk * byteSize(from)) === 0 && divisor(x.index, new Map([[v.id, count]])) % chunk === 0;
  };
  for (let count = ACCESS / byteSize(dtype); count > 1; count /= 2)
    if (limit % count === 0 && loads.length > 0 && loads.every(x => fits(x, count))) return count;
  return 1;
}
/** The values of `count` neighbours along `v`, and what is loaded before. `at`: the value of every other variable, and of `v` where they begin. */
export function pieceOf(
  e: Expr,
  v: ExprVar,
  count: number,
  params: readonly KernelParam[],
  at: ReadonlyMap<number, Expr>,
): { readonly before: readonly TiledStmt[]; readonly values: readonly Expr[] } {
  if (count === 1) return { before: [], values: [replaceVars(e, at)] };
  const before: TiledStmt[] = [],
    start = at.get(v.id) ?? int(0),
    known = new Map<Load, readonly Expr[]>();
  for (const x of loadsOf(e)) {
    const how = follows(x, v);
    if (how === "apart") continue;
    if (how === "same") {
      const one = exprVar("same", x.dtype);
      before.push({ kind: "let", v: one, value: replaceVars(x, at) });
      known.set(
        x,
        Array.from({ length: count }, () => one),
      );
      continue;
    }
    const chunk = chunkOf(params[x.buf]?.dtype ?? "f32", count),
      names = Array.from({ length: count }, () => exprVar("x", x.dtype));
    for (let q = 0; q < count; q += chunk)
      before.push({
        kind: "loadVector",
        into: names.slice(q, q + chunk),
        buf: x.buf,
        index: arith("add", replaceVars(x.index, at), int(q)),
      });
    known.set(x, names);
  }
  const values = Array.from({ length: count }, (_, q) => {
    const here = new Map(at).set(v.id, arith("add", start, int(q)));
    return rewriting((x, go) =>
      x.kind === "var" ? (here.get(x.id) ?? x) : x.kind === "load" ? (known.get(x)?.[q] ?? mapOperands(x, go)) : mapOperands(x, go),
    )(e);
  });
  return { before, values };
}
