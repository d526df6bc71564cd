// scan, fori and while_ on trees. Bounds and lengths that are JavaScript numbers give loops that reverse mode can go through; loops whose length is a
// tensor can only be differentiated forwards.
import { PullbackError } from "../../runtime/errors/error.ts";
import { showAval, type Aval } from "../ir/aval.ts";
import type { Func } from "../ir/func.ts";
import { add } from "../primitives/arithmetic.ts";
import { less } from "../primitives/compare.ts";
import { convert } from "../primitives/convert.ts";
import { iota } from "../primitives/fill.ts";
import { reshape } from "../primitives/shape.ts";
import { concat, slice } from "../primitives/slice.ts";
import { broadcastInDim } from "../primitives/broadcast.ts";
import { flatten, leafPaths, unflatten } from "../support/tree.ts";
import { lit } from "../trace/builder.ts";
import type { Batched, Sliced } from "../trace/shape_types.ts";
import type { Tensor } from "../trace/tensor.ts";
import { inline, traceClosed } from "../trace/trace.ts";
import { item, pieces } from "../transforms/walk.ts";
import { join, shareCaptured, stageAt, tensorLeaves, type AnyFunction, type Leaves, type Tensors } from "../transforms/stage.ts";
import { stageLoop } from "./regions.ts";
import { bindScan, sliceAval, type ScanParams } from "./scan.ts";
import { bindWhile } from "./while.ts";

/** `length` is needed when xs has no leaves. `reverse` runs the last slice first (ys stay in place). `unroll`: steps per iteration of the compiled loop, or true for no loop. */
export interface ScanOptions {
  readonly length?: number;
  readonly reverse?: boolean;
  readonly unroll?: number | boolean;
}

/** Run `f(carry, x) -> [carry, y]` over the slices of xs along their leading axis: [last carry, stacked ys]. @throws E0501, E0504 */
export function scan<C, X, Y>(
  f: (carry: Tensors<C>, x: Sliced<Tensors<X>>) => readonly [C | Tensors<C>, Y],
  init: C,
  xs: X,
  options: ScanOptions = {},
): [Tensors<C>, Batched<Tensors<Y>>] {
  const carry = tensorLeaves(init, "carry");
  const inputs = tensorLeaves(xs, "xs");
  const length = lengthOf(inputs, options.length);
  const slices: readonly Aval[] = inputs.leaves.map(x => sliceAval(x.aval));
  const loop = stageLoop(f as unknown as AnyFunction, carry, { avals: slices, tree: [unflatten(inputs.def, inputs.leaves)] }, true, "scan"); // called with a carry and a slice of xs
  const n = loop.init.length;
  const p: ScanParams = {
    body: loop.staged.func,
    length,
    reverse: options.reverse ?? false,
    consts: loop.staged.captured.length,
    carry: n,
  };
  const outs = unrolledScan(
    [...loop.staged.captured, ...loop.init, ...inputs.leaves],
    p,
    options.unroll === true ? length : Math.max(1, Number(options.unroll ?? 1)),
  );
  const [finals = [], ys = []] = pieces(outs, n);
  return [unflatten(loop.def, finals), unflatten(loop.restDef ?? loop.def, ys)] as [Tensors<C>, Batched<Tensors<Y>>]; // the structures that f returned
}

function lengthOf({ leaves, def }: Leaves, given: number | undefined): number {
  const paths = leafPaths(def);
  const scalar = leaves.findIndex(x => x.ndim === 0);
  if (scalar >= 0)
    throw new PullbackError("E0504", `scan: ${join("xs", paths[scalar] ?? "")} is a scalar and has no axis to run over`, {
      help: "close over it, or put it in the carry",
    });
  const length = given ?? leaves[0]?.shape[0];
  if (length === undefined) throw new PullbackError("E0504", "scan has neither inputs nor a length", { help: "give xs or { length }" });
  if (!Number.isInteger(length) || length < 0)
    throw new PullbackError("E0504", `scan: the length ${length} is not a whole number`, { help: "give a non-negative integer" });
  const i = leaves.findIndex(x => x.shape[0] !== length);
  const bad = leaves[i];
  if (bad)
    throw new PullbackError("E0504", `scan: ${join("xs", paths[i] ?? "")} is ${showAval(bad.aval)}, the loop has ${length} steps`, {
      help: "all inputs have one leading axis, the loop's",
    });
  return length;
}

/** A scan whose body does `k` steps; the remainder is a second scan, run last (first when in reverse). k >= length: no loop at all. */
function unrolledScan(ins: readonly Tensor[], p: ScanParams, k: number): Tensor[] {
  if (k <= 1 || p.length === 0) return bindScan(ins, p);
  const [consts = [], carry = [], xs = []] = pieces(ins, p.consts, p.carry);
  if (k >= p.length) return steps(p.body, consts, carry, xs, p.length, p.reverse);
  const groups = Math.floor(p.length / k),
    main = groups * k;
  const body: Func = traceClosed(
    (...all) => {
      const [c = [], i = [], x = []] = pieces(all, p.consts, p.carry);
      return steps(p.body, c, i, x, k, p.reverse);
    },
    p.body.params.map((v, i) => (i < p.consts + p.carry ? v.aval : { dtype: v.aval.dtype, shape: [k, ...v.aval.shape] })),
  );
  const grouped = (start: readonly Tensor[]): Tensor[] => {
    const outs = bindScan([...consts, ...start, ...xs.map(x => reshape(rows(x, 0, main), { shape: [groups, k, ...x.shape.slice(1)] }))], {
      ...p,
      body,
      length: groups,
    });
    return outs.map((y, i) => (i < p.carry ? y : reshape(y, { shape: [main, ...y.shape.slice(2)] })));
  };
  if (main === p.length) return grouped(carry);
  const rest = (start: readonly Tensor[]): Tensor[] =>
    bindScan([...consts, ...start, ...xs.map(x => rows(x, main, p.length))], { ...p, length: p.length - main });
  const one = (p.reverse ? rest : grouped)(carry);
  const two = (p.reverse ? grouped : rest)(one.slice(0, p.carry));
  const [head, tail] = p.reverse ? [two, one] : [one, two];
  return [...two.slice(0, p.carry), ...head.slice(p.carry).map((y, i) => concat(y, item(tail, p.carry + i), { axis: 0 }))];
}

/** `count` steps written out one after another. */
function steps(
  body: Func,
  consts: readonly Tensor[],
  carry: readonly Tensor[],
  xs: readonly Tensor[],
  count: number,
  reverse: boolean,
): Tensor[] {
  let now = carry;
  const ys: Tensor[][] = [];
  for (let s = 0; s < count; s++) {
    const i = reverse ? count - 1 - s : s;
    const outs = inline(body, [...consts, ...now, ...xs.map(x => reshape(rows(x, i, i + 1), { shape: x.shape.slice(1) }))]);
    now = outs.slice(0, carry.length);
    ys[i] = outs.slice(carry.length).map(y => reshape(y, { shape: [1, ...y.shape] }));
  }
  return [...now, ...item(ys, 0).map((_, k) => concat(...ys.map(y => item(y, k)), { axis: 0 }))];
}
/** Rows [from, to) of the leading axis. */
const rows = (x: Tensor, from: number, to: number): Tensor =>
  slice(x, { start: [from, ...x.shape.slice(1).map(() => 0)], limit: [to, ...x.shape.slice(1)], strides: x.shape.map(() => 1) });

/** carry = body(i, carry) for i from `lower` up to `upper`, exclusive; i is i32[]. With JavaScript numbers as bounds the loop has a fixed length. @throws E0501, E0504 */
export function fori<C>(
  lower: number | Tensor,
  upper: number | Tensor,
  body: (i: Tensor, carry: Tensors<C>) => C | Tensors<C>,
  init: C,
  options: { readonly unroll?: number | boolean } = {},
): Tensors<C> {
  if (typeof lower === "number" && typeof upper === "number") {
    if (!Number.isInteger(lower) || !Number.isInteger(upper))
      throw new PullbackError("E0504", `fori runs from ${lower} to ${upper}: the bounds must be whole numbers`, {
        help: "round them first",
      });
    const length = Math.max(0, upper - lower);
    const index = add(iota({ dtype: "i32", shape: [length], axis: 0 }), broadcastInDim(lit(lower, "i32"), { shape: [length], dims: [] }));
    return scan<C, Tensor, null>((carry, i) => [body(i, carry), null], init, index, options)[0];
  }
  const [from, to] = [lower, upper].map(x => {
    const t = typeof x === "number" ? lit(x, "i32") : x;
    return t.dtype === "i32" ? t : convert(t, { dtype: "i32" });
  }) as [Tensor, Tensor]; // one for each bound
  const [, last] = while_<[Tensor, C]>(
    ([i]) => less(i, to),
    ([i, carry]) => [add(i, lit(1, "i32")), body(i, carry)] as [Tensor, C],
    [from, init],
  ); // while_ itself checks the carry's types
  return last;
}

/** carry = body(carry) as long as test(carry) (one boolean) holds. Forward mode only. @throws E0501, E0505 */
export function while_<C>(test: (carry: Tensors<C>) => Tensor, body: (carry: Tensors<C>) => C | Tensors<C>, init: C): Tensors<C> {
  const carry = tensorLeaves(init, "carry");
  const loop = stageLoop(body as unknown as AnyFunction, carry, { avals: [], tree: [] }, false, "while_"); // called with a carry
  const check = stageAt(
    (c: unknown) => test(c as Tensors<C>),
    flatten([unflatten(carry.def, carry.leaves)]).def,
    loop.init.map(x => x.aval),
    loop.init.map(x => x.weak),
    "while_",
  ); // called with a carry
  const [cond, step] = [shareCaptured([check]), shareCaptured([loop.staged])];
  const outs = bindWhile([...cond.captured, ...step.captured, ...loop.init], {
    cond: item(cond.funcs, 0),
    body: item(step.funcs, 0),
    condConsts: cond.captured.length,
    bodyConsts: step.captured.length,
  });
  return unflatten(loop.def, outs) as Tensors<C>; // the structure of init
}
