// Dual numbers in the place of the operators: the same rewritten program, run natively, gives the exact derivative along one argument. The oracle of gradients.
import * as operators from "../../../stdlib/operators/index.ts";

/** A value and its derivative. */
export class Dual {
  readonly x: number;
  readonly d: number;
  constructor(x: number, d: number) {
    this.x = x;
    this.d = d;
  }
}
type Value = Dual | number;
const x = (v: Value): number => (typeof v === "number" ? v : v.x);
/** The derivative: a number is constant. */
export const d = (v: Value): number => (typeof v === "number" ? 0 : v.d);
const compare =
  (f: (a: number, b: number) => boolean) =>
  (a: Value, b: Value): boolean =>
    f(x(a), x(b));

/** Stands for `pullback/operators`; conditions are plain, so statements run natively. */
export const dualOperators: object = {
  ...operators,
  $add: (a: Value, b: Value) => new Dual(x(a) + x(b), d(a) + d(b)),
  $sub: (a: Value, b: Value) => new Dual(x(a) - x(b), d(a) - d(b)),
  $mul: (a: Value, b: Value) => new Dual(x(a) * x(b), d(a) * x(b) + x(a) * d(b)),
  $div: (a: Value, b: Value) => new Dual(x(a) / x(b), (d(a) * x(b) - x(a) * d(b)) / x(b) ** 2),
  $neg: (a: Value) => new Dual(-x(a), -d(a)),
  $inc: (a: Value) => new Dual(x(a) + 1, d(a)),
  $lt: compare((a, b) => a < b),
  $gt: compare((a, b) => a > b),
  $math: {
    sin: (a: Value) => new Dual(Math.sin(x(a)), Math.cos(x(a)) * d(a)),
    cos: (a: Value) => new Dual(Math.cos(x(a)), -Math.sin(x(a)) * d(a)),
    tanh: (a: Value) => new Dual(Math.tanh(x(a)), (1 - Math.tanh(x(a)) ** 2) * d(a)),
    max: (a: Value, b: Value) => (x(a) > x(b) ? a : b),
  },
};
