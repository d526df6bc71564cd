// jacfwd, jacrev, hessian and hvp on trees. A Jacobian is a tree like the output, each leaf a tree like the argument, of tensors [...output, ...input].
import { isFloat } from "../../../runtime/dtype.ts";
import { PullbackError } from "../../../runtime/errors/error.ts";
import { showAval, sizeOf, type Aval } from "../../ir/aval.ts";
import { unflatten } from "../../support/tree.ts";
import type { LinearIn } from "../../ir/primitive.ts";
import { withLeading } from "../../primitives/broadcast.ts";
import { equal } from "../../primitives/compare.ts";
import { convert } from "../../primitives/convert.ts";
import { iota, zeros } from "../../primitives/fill.ts";
import { reshape } from "../../primitives/shape.ts";
import type { Tensor } from "../../trace/tensor.ts";
import { inline, traceClosed } from "../../trace/trace.ts";
import { dce } from "../dce.ts";
import { linearizeFunc, type Linearized } from "../linearize.ts";
import { applyFunc } from "../run.ts";
import { stage, tensorLeaves, type AnyFunction, type Tensors } from "../stage.ts";
import { pullback } from "../transpose.ts";
import { batchFunc, moveAxis } from "../vmap.ts";
import { item, spread } from "../walk.ts";
import { jvp } from "./forward.ts";
import { grad, requireFloats } from "./grad.ts";

/** The output's tree with the argument's tree in place of each leaf. */
export type Jacobian<R, X> = R extends number | Tensor ? Tensors<X> : { [K in keyof R]: Jacobian<R[K], X> };
/** `argnums`: which argument (default 0); the others are passed as they are. */
export interface JacobianOptions {
  readonly argnums?: number;
}
/** Jacobian leaves, output-major: `[i * inputs + j]` is d output i / d input j. */
type Build = (l: Linearized, residuals: readonly Tensor[], outs: readonly Aval[], ins: readonly Aval[]) => readonly (readonly Tensor[])[];

/** The Jacobian of `f`, one forward derivative per input element. For few inputs and many outputs. @throws E0302, E0303 */
export function jacfwd<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  options: JacobianOptions = {},
): (...args: A) => Jacobian<R, A[0]> {
  return (...args) => jacobian(f as unknown as AnyFunction, args, options, "jacfwd", columns) as Jacobian<R, A[0]>; // built from f's own structures
}
/** The Jacobian of `f`, one backward derivative per output element. For few outputs and many inputs. @throws E0302, E0303 */
export function jacrev<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  options: JacobianOptions = {},
): (...args: A) => Jacobian<R, A[0]> {
  return (...args) => jacobian(f as unknown as AnyFunction, args, options, "jacrev", rows) as Jacobian<R, A[0]>; // as above
}
/** Second derivatives of `f`: forward over reverse. Of a scalar function of x[n]: [n,n]. @throws E0302, E0303 */
export function hessian<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  options: JacobianOptions = {},
): (...args: A) => Jacobian<Jacobian<R, A[0]>, A[0]> {
  return jacfwd(jacrev(f, options), options);
}
/** Hessian-vector product of a scalar function in its first argument: (x, v, ...rest) -> H(x) v, for the price of about two gradients. @throws E0302, E0303, E0103 */
export function hvp<X, A extends readonly unknown[]>(
  f: (x: X, ...rest: A) => Tensor | number,
): (x: X, v: X | Tensors<X>, ...rest: A) => Tensors<X> {
  return (x, v, ...rest) => jvp((y: X) => grad(f)(y, ...rest), [x] as [X], [v as X] as [X])[1] as Tensors<X>; // a gradient has the structure of x
}

function jacobian(f: AnyFunction, args: readonly unknown[], { argnums = 0 }: JacobianOptions, what: string, build: Build): unknown {
  if (argnums < 0 || argnums >= args.length)
    throw new PullbackError("E0303", `${what} has no argument ${argnums} to differentiate`, { help: `it was called with ${args.length}` });
  const x = tensorLeaves([args[argnums]], "argument");
  requireFloats(x, what);
  const { func, captured, outDef } = stage(y => f(...args.map((a, i) => (i === argnums ? y : a))), x, what);
  const bad = func.results.find(r => !isFloat(r.aval.dtype));
  if (bad)
    throw new PullbackError("E0302", `${what} needs floating-point outputs, got ${showAval(bad.aval)}`, {
      help: "leave out the others, or convert them",
    });
  const wrt = func.params.map((_, i) => i >= captured.length);
  const l = linearizeFunc(func, wrt);
  const outs = func.results.map(r => r.aval),
    ins = x.leaves.map(t => t.aval);
  const whole = traceClosed(
    (...xs) => build(l, inline(l.primal, xs).slice(outs.length), outs, ins).flat(),
    func.params.map(v => v.aval),
  );
  const flat = applyFunc(dce(whole), [...captured, ...x.leaves]);
  const trees = outs.map((_, i) => (unflatten(x.def, flat.slice(i * ins.length, (i + 1) * ins.length)) as readonly unknown[])[0]); // the staged arguments are a list of one
  return unflatten(outDef, trees);
}

/** The n unit vectors of a type of n elements: [n, ...shape]. */
function units(a: Aval): Tensor {
  const n = sizeOf(a.shape);
  const at = (axis: number): Tensor => iota({ dtype: "i32", shape: [n, n], axis });
  return reshape(convert(equal(at(0), at(1)), { dtype: a.dtype }), { shape: [n, ...a.shape] });
}

const columns: Build = (l, residuals, outs, ins) => {
  const perInput = ins.map((a, j) => {
    const size = sizeOf(a.shape);
    const flags = l.linear.params.map((_, i) => i === l.residuals + j);
    const b = batchFunc(
      l.linear,
      flags,
      { size, name: undefined },
      l.linear.results.map(() => true),
    );
    const dys = spread(l.nonzero, inline(b.func, [...residuals, ...ins.map((c, k) => (k === j ? units(c) : zeros(c)))]));
    return outs.map((o, i) => {
      const shape = [...o.shape, ...a.shape];
      const dy = dys[i];
      return dy ? reshape(moveAxis(dy, 0, o.shape.length), { shape }) : zeros({ dtype: o.dtype, shape });
    });
  });
  return outs.map((_, i) => perInput.map(column => item(column, i)));
};

const rows: Build = (l, residuals, outs, ins) =>
  outs.map((o, i) => {
    const zero = ins.map(a => zeros({ dtype: a.dtype, shape: [...o.shape, ...a.shape] }));
    if (!l.nonzero[i]) return zero;
    const position = l.nonzero.slice(0, i).filter(Boolean).length;
    const size = sizeOf(o.shape);
    const back = traceClosed(
      (ct, ...res) => {
        const operands = l.linear.params.map((v, k): LinearIn =>
          k < l.residuals ? { kind: "known", value: item(res, k) } : { kind: "hole", aval: v.aval },
        );
        return pullback(
          l.linear,
          operands,
          l.linear.results.map((_, k) => (k === position && ct ? ct : null)),
        )
          .slice(l.residuals)
          .map((c, k) => c ?? zeros(item(ins, k)));
      },
      [o, ...residuals.map(r => r.aval)],
    );
    const b = batchFunc(
      back,
      back.params.map((_, k) => k === 0),
      { size, name: undefined },
    );
    return inline(b.func, [units(o), ...residuals]).map((c, k) =>
      reshape(withLeading(c, b.batched[k] === true, size), { shape: [...o.shape, ...item(ins, k).shape] }),
    );
  });
