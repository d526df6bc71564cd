// Questions about equations that decide where values live: who reads a variable and how often, and which equations only rename or gather elements.
import { computeDType, isFloat } from "../../runtime/dtype.ts";
import { sizeOf } from "../ir/aval.ts";
import type { Atom, Eqn, Func, Var } from "../ir/func.ts";
import { exprVar, scalarOps } from "../ir/scalar.ts";
import { IndexOps, ravel, unravel } from "./indexing.ts";

/** How often each variable is read, and whether a reader repeats its elements. */
export function countUses(f: Func): Map<Var, { count: number; stretched: boolean }> {
  const uses = new Map<Var, { count: number; stretched: boolean }>();
  const use = (a: Atom, stretched: boolean): void => {
    if (a.kind === "lit") return;
    const u = uses.get(a) ?? { count: 0, stretched: false };
    uses.set(a, { count: u.count + 1, stretched: u.stretched || stretched });
  };
  for (const e of f.eqns) {
    const out = sizeOf(e.outs[0]?.aval.shape ?? []),
      { kind } = e.prim.lower;
    for (const a of e.ins) use(a, (kind === "view" || kind === "index") && out > sizeOf(a.aval.shape));
  }
  f.results.forEach(r => use(r, false));
  return uses;
}

/** Does a view only rename a contiguous operand's indices, element for element in the same order? */
export function isReshape(e: Eqn): boolean {
  const { lower } = e.prim,
    out = e.outs[0],
    source = e.ins[0];
  if (lower.kind !== "view" || !out || !source || sizeOf(out.aval.shape) !== sizeOf(source.aval.shape)) return false;
  const ops = new IndexOps(),
    i = ops.declare(exprVar("i", "i32"), sizeOf(out.aval.shape));
  return ravel(ops, lower.source(ops, unravel(ops, i, out.aval.shape), e.params, source.aval), source.aval.shape) === i;
}

/** Is it a view? */
export const isView = (e: Eqn): boolean => e.prim.lower.kind === "view";
/** Does it only round its operand, to a float that is computed with in the operand's dtype? */
export function isRounding(e: Eqn): boolean {
  const { lower } = e.prim,
    [out] = e.outs,
    [x] = e.ins;
  if (lower.kind !== "map" || e.ins.length !== 1 || e.outs.length !== 1 || !x || !out || !isFloat(out.aval.dtype)) return false;
  const v = exprVar("x", x.aval.dtype);
  return computeDType(out.aval.dtype) === x.aval.dtype && [lower.scalar(scalarOps, [v], e.params, [out.aval])].flat()[0] === v;
}
/** Is each element of the result one element of the only operand, always in bounds? */
export function isGather(e: Eqn): boolean {
  const { lower } = e.prim,
    out = e.outs[0],
    [source] = e.ins;
  if (lower.kind !== "index" || e.ins.length !== 1 || !out || !source) return false;
  const ops = new IndexOps(),
    index = out.aval.shape.map((d, q) => ops.declare(exprVar(`i${q}`, "i32"), d));
  let plain = true;
  const read = exprVar("read", source.aval.dtype);
  const value = lower.element(
    ops,
    index,
    (_, __, guard) => {
      plain &&= guard === undefined || (guard.kind === "const" && guard.value !== 0);
      return read;
    },
    e.params,
    [source.aval],
  );
  return plain && value === read;
}

/** The equations that read each variable. */
export function readers(f: Func): Map<Var, Eqn[]> {
  const found = new Map<Var, Eqn[]>();
  for (const e of f.eqns)
    for (const a of e.ins)
      if (a.kind === "var") {
        const list = found.get(a);
        if (!list) found.set(a, [e]);
        else if (list.at(-1) !== e) list.push(e);
      }
  return found;
}
