// Which variables only carry 16-bit floats from one memory to another: they are f16 in the shader, so that what is brought to a group's memory is neither widened nor rounded on its way, whatever its
// bits, and takes half the registers while it waits.
import type { DType } from "../../../runtime/dtype.ts";
import { operands } from "../../ir/exprs.ts";
import type { Expr, ExprVar } from "../../ir/scalar.ts";
import type { TiledKernel, TiledStmt } from "../../ir/tiled.ts";
import { expressionsOf, forEachTiled } from "../../lower/tile/statements.ts";

/** Is it an f16's value as such: zero, what memory holds, or a choice of those? `held`: does this variable hold one? */
export function carries(e: Expr, from: (buf: number) => DType | undefined, held: (v: ExprVar) => boolean): boolean {
  switch (e.kind) {
    case "const":
      return e.dtype === "f32" && Object.is(e.value, 0);
    case "var":
      return held(e);
    case "load":
      return from(e.buf) === "f16" && (e.otherwise === undefined || carries(e.otherwise, from, held));
    case "select":
      return carries(e.x, from, held) && carries(e.y, from, held);
    default:
      return false;
  }
}
/** The f32 that `e` was just rounded from to `dtype`; undefined where that is not what it is. */
export function roundedFrom(e: Expr, dtype: DType): Expr | undefined {
  const x = e.kind === "convert" && e.dtype === "f32" ? e.x : e;
  return x.kind === "convert" && x.dtype === dtype && x.x.dtype === "f32" ? x.x : undefined;
}

/** Numbers of the variables; none where the kernel has no packed f16. `from`: the dtype of a buffer of global memory. */
export function carriedHalves(k: TiledKernel, from: (buf: number) => DType | undefined): ReadonlySet<number> {
  const first = k.params.length,
    packed = new Set(k.shared.flatMap((m, i) => (m.packed && m.dtype === "f16" ? [first + i] : [])));
  const found = new Set<number>();
  if (packed.size === 0) return found;
  const defined = (s: TiledStmt): readonly ExprVar[] =>
    s.kind === "let" || s.kind === "set" ? [s.v] : s.kind === "loadVector" ? s.into : [];
  forEachTiled(k.body, s => defined(s).forEach(v => v.dtype === "f32" && found.add(v.id)));
  const held = (v: ExprVar): boolean => found.has(v.id);
  /** A use that wants a number. */
  const number = (e: Expr): void => {
    if (e.kind === "var") found.delete(e.id);
    operands(e).forEach(number);
  };
  /** A use that takes an f16. */
  const half = (e: Expr): void => {
    if (e.kind === "select") {
      number(e.cond);
      half(e.x);
      half(e.y);
    } else if (e.kind === "load") {
      number(e.index);
      if (e.guard) number(e.guard);
      if (e.otherwise) half(e.otherwise);
    } else if (e.kind !== "var") operands(e).forEach(number);
  };
  const visit = (s: TiledStmt): void => {
    if (s.kind === "let" || s.kind === "set") {
      if (held(s.v) && !carries(s.value, from, held)) found.delete(s.v.id);
      (held(s.v) ? half : number)(s.value);
    } else if (s.kind === "storeVector" && packed.has(s.buf)) {
      number(s.index);
      s.values.forEach(half);
    } else if (s.kind === "loadVector") {
      number(s.index);
      if (from(s.buf) !== "f16" || !s.into.every(held)) s.into.forEach(v => found.delete(v.id));
    } else expressionsOf(s).forEach(number);
  };
  for (let before = -1; before !== found.size;) {
    before = found.size;
    forEachTiled(k.body, visit);
  }
  return found;
}
