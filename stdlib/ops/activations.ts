// The nonlinearities of networks and the stable logarithms under them. Floats; integers go to f32. It holds no layers.
import * as p from "../../compiler/extend.ts";
import type { Operation, Tensor } from "../../compiler/extend.ts";
import type { FloatLike } from "./typed.ts";
import { float, float2, type FloatBinary, type FloatUnary } from "./elementwise.ts";
import { promoteFloat, withWeak, type TensorLike } from "./promotion.ts";

const c = p.fullLike;
/** x where x > 0, else `otherwise`; NaN stays, and at 0 the derivative is that of `otherwise`. */
const positive = (x: Tensor, otherwise: Tensor): Tensor => p.select(p.lessEqual(x, c(x, 0)), otherwise, x);

/** 1 / (1 + e⁻ˣ). */
export const sigmoid: FloatUnary = float(p.sigmoid);
/** max(x, 0); the derivative at 0 is 0. */
export const relu: FloatUnary = float(x => positive(x, c(x, 0)));
/** min(max(x, 0), 6); the derivative at both corners is 0. */
export const relu6: FloatUnary = float(x => p.select(p.greaterEqual(x, c(x, 6)), c(x, 6), positive(x, c(x, 0))));
/** x for x > 0, else slope·x (slope 0.01 unless given). */
export function leakyRelu<X extends TensorLike>(x: X, options?: { readonly slope?: number }): FloatLike<X>;
export function leakyRelu(x: TensorLike, { slope = 0.01 }: { readonly slope?: number } = {}): Tensor {
  return float(t => positive(t, p.mul(t, c(t, slope))))(x);
}
/** x for x > 0, else alpha·(eˣ - 1) (alpha 1 unless given). */
export function elu<X extends TensorLike>(x: X, options?: { readonly alpha?: number }): FloatLike<X>;
export function elu(x: TensorLike, { alpha = 1 }: { readonly alpha?: number } = {}): Tensor {
  return float(t => positive(t, p.mul(p.expm1(p.select(p.greater(t, c(t, 0)), c(t, 0), t)), c(t, alpha))))(x); // the branch not taken must not overflow
}
/** x · sigmoid(x) (swish). */
export const silu: FloatUnary = float(x => p.mul(x, p.sigmoid(x)));
/** x·Φ(x) for the normal distribution's Φ: with tanh as Hendrycks & Gimpel 2016 approximate it, or `exact` by erf. */
export function gelu<X extends TensorLike>(x: X, options?: { readonly exact?: boolean }): FloatLike<X>;
export function gelu(x: TensorLike, { exact = false }: { readonly exact?: boolean } = {}): Tensor {
  return float(t => p.mul(p.mul(c(t, 0.5), t), exact ? p.erfc(p.mul(t, c(t, -Math.SQRT1_2))) : p.add(c(t, 1), p.tanh(inner(t)))))(x);
}
const inner = (x: Tensor): Tensor => p.mul(c(x, Math.sqrt(2 / Math.PI)), p.add(x, p.mul(c(x, 0.044715), p.mul(x, p.square(x)))));

/** The primitive under logaddexp: its derivative is a sigmoid to every order, which the body's max and abs would hide where x = y. */
const logAddExp: Operation<2> = p.definePrimitive<2>({
  name: "logAddExp",
  aval: ([x, y]) => p.add.primitive.aval([x, y], {}),
  lower: {
    kind: "composite",
    body: ([x, y]) => {
      const delta = p.sub(x, y);
      const sum = p.add(p.max(x, y), p.log1p(p.exp(p.neg(p.abs(delta)))));
      return [p.select(p.isNan(delta), p.add(x, y), sum)]; // equal infinities, or a NaN
    },
  },
  jvp: [(dx, [x, y]) => p.mul(dx, p.sigmoid(difference(x, y))), (dy, [x, y]) => p.mul(dy, p.sigmoid(difference(y, x)))],
});
/** x - y, 0 for equal infinities too. (Where finite x = y it must stay a difference: a second derivative goes through it.) */
const difference = (x: Tensor, y: Tensor): Tensor =>
  p.select(p.and(p.equal(x, y), p.equal(p.abs(x), c(x, Infinity))), c(x, 0), p.sub(x, y));

/** log(eˣ + eʸ) without overflow. @throws E0201 */
export const logaddexp: FloatBinary = float2("logaddexp", logAddExp);
/** log(1 + eˣ) without overflow. */
export const softplus: FloatUnary = float(x => logAddExp(x, c(x, 0)));
/** log sigmoid(x) = -softplus(-x). */
export const logSigmoid: FloatUnary = float(x => p.neg(logAddExp(p.neg(x), c(x, 0))));
/** Scaled exponential linear unit. @see Klambauer et al. 2017 */
export function selu(x: TensorLike): Tensor {
  const {
    xs: [t],
    weak,
  } = promoteFloat(x);
  return withWeak(p.mul(elu(t as Tensor, { alpha: 1.6732632423543772 }), c(t as Tensor, 1.0507009873554805)), weak); // one went in
}
