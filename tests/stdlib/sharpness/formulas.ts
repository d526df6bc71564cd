// A problem whose gradient is a line of plain JavaScript, and vectors to write the methods' formulas with. It uses nothing of the code under test.
import { fromHost, mul, sum, type Tensor } from "../../../stdlib/index.ts";
export { numbers } from "../../support/numbers.ts";

/** A vector of numbers. */
export type Vec = readonly number[];
/** Parameters of the problem: two leaves of three numbers each. */
export interface Theta {
  readonly a: Tensor;
  readonly b: Tensor;
}
const curve = [1, 2, -0.5, 0.3, 4, 1.5],
  cube = [0.5, -1, 2, 1, 0.2, -0.7];
/** The starting point, a then b. */
export const start: Vec = [0.7, -1.2, 0.4, 1.1, -0.3, 0.9];

const f64 = (x: Vec): Tensor => fromHost("f64", [x.length], Float64Array.from(x));
/** A vector as parameters, and back. */
export const theta = (x: Vec): Theta => ({ a: f64(x.slice(0, 3)), b: f64(x.slice(3)) });
/** Σ c x²/2 + d x³/6. */
export const loss = (p: Theta): Tensor => {
  const part = (x: Tensor, at: number): Tensor =>
    sum(mul(x, mul(x, mul(0.5, f64(curve.slice(at, at + 3))))).add(mul(mul(x, mul(x, x)), mul(1 / 6, f64(cube.slice(at, at + 3))))));
  return part(p.a, 0).add(part(p.b, 3));
};
/** Its gradient, c x + d x²/2. */
export const gradient = (x: Vec): Vec => x.map((v, i) => (curve[i] ?? 0) * v + ((cube[i] ?? 0) * v * v) / 2);
/** Its Hessian, which is diagonal: c + d x. */
export const hessianDiagonal = (x: Vec): Vec => x.map((v, i) => (curve[i] ?? 0) + (cube[i] ?? 0) * v);

/** Σ x y. */
export const dot = (x: Vec, y: Vec): number => x.reduce((s, v, i) => s + v * (y[i] ?? 0), 0);
/** ‖x‖. */
export const norm = (x: Vec): number => Math.sqrt(dot(x, x));
/** s x. */
export const times = (s: number, x: Vec): Vec => x.map(v => s * v);
/** x + y. */
export const plus = (x: Vec, y: Vec): Vec => x.map((v, i) => v + (y[i] ?? 0));
/** x y, element by element. */
export const each = (x: Vec, y: Vec): Vec => x.map((v, i) => v * (y[i] ?? 0));
/** The part of x orthogonal to y. */
export const across = (x: Vec, y: Vec): Vec => plus(x, times(-dot(x, y) / dot(y, y), y));
