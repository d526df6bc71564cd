// Derivatives against central differences, in f64. It reports the first disagreement; it fixes nothing.
import { fromHost, jvp, readSync, vjp } from "../../compiler/index.ts";
import { flatten, isTensor, leafPaths, sizeOf, unflatten, type Tensor } from "../../compiler/extend.ts";
import { PullbackError } from "../../runtime/errors/error.ts";

/** `order` of the highest derivative checked (default 1), `modes` checked (default both), the difference's step `eps`, the relative tolerance `rtol`, and the `seed` of
 *  the directions. */
export interface GradCheck {
  readonly order?: number;
  readonly modes?: readonly ("forward" | "reverse")[];
  readonly eps?: number;
  readonly rtol?: number;
  readonly seed?: number;
}

/** Numbers in [-1, 1) from a seed: a plain multiplicative generator, the same everywhere. */
export function testNumbers(n: number, seed: number): Float64Array {
  let state = (Math.abs(seed) % 2147483646) + 1;
  return Float64Array.from({ length: n }, () => (state = (state * 48271) % 2147483647) / 1073741823.5 - 1);
}
/** Σ a·b. */
export const inner = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let s = 0;
  for (let i = 0; i < a.length; i++) s += (a[i] ?? 0) * (b[i] ?? 0);
  return s;
};
const numbers = (x: Tensor): Float64Array => readSync(x) as Float64Array; // every tensor here is f64
const make = (shape: readonly number[], data: Float64Array): Tensor => fromHost("f64", shape, data);

/** Check the derivatives of `f` at `args`, trees of f64 tensors: forward mode against central differences along a random direction, reverse mode against forward. Each
 *  further order checks the derivative along that direction in the same way.
 *  @throws E0802 with both numbers at the first disagreement, E0801 when an argument is not f64 */
export function checkGrads<A extends readonly unknown[]>(
  f: (...args: A) => unknown,
  args: A,
  { order = 1, modes = ["forward", "reverse"], eps = 1e-6, rtol = 1e-6, seed = 1 }: GradCheck = {},
): void {
  const { leaves, def } = flatten(args),
    paths = leafPaths(def);
  const xs = leaves.map((x, i) => {
    if (isTensor(x) && x.dtype === "f64") return x;
    throw new PullbackError("E0801", `checkGrads: argument ${paths[i] ?? ""} is not an f64 tensor`, {
      help: 'differences need f64: array(..., { dtype: "f64" })',
    });
  });
  const tree = (parts: readonly Float64Array[]): A =>
    unflatten(
      def,
      parts.map((d, i) => make(xs[i]?.shape ?? [], d)),
    ) as A; // the structure of args
  const at = xs.map(numbers),
    dx = xs.map((x, i) => testNumbers(sizeOf(x.shape), seed + i));
  const outs = (y: unknown): Float64Array[] => (flatten(y).leaves as Tensor[]).map(numbers); // f gives tensors
  const [, dy] = jvp(f, args, tree(dx) as never),
    forward = outs(dy); // tangents have the structure of args
  const agree = (what: string, got: number, want: number): void => {
    if (!(got === want || (Number.isFinite(want) && Math.abs(got - want) <= rtol * (1 + Math.abs(want)))))
      throw new PullbackError("E0802", `checkGrads: ${what} gives ${got}, the reference ${want}`, {
        help: "look at the jvp or transpose rule of the operation that was added last",
      });
  };
  if (modes.includes("forward")) {
    const moved = (s: number): Float64Array[] => outs(f(...tree(at.map((x, i) => x.map((v, k) => v + s * (dx[i]?.[k] ?? 0))))));
    const up = moved(eps),
      down = moved(-eps);
    forward.forEach((d, i) =>
      d.forEach((v, k) => agree(`forward mode, output ${i}[${k}]`, v, ((up[i]?.[k] ?? NaN) - (down[i]?.[k] ?? NaN)) / (2 * eps))),
    );
  }
  if (modes.includes("reverse")) {
    const [y, back] = vjp(f, ...args),
      out = flatten(y);
    const cts = (out.leaves as Tensor[]).map((t, i) => testNumbers(sizeOf(t.shape), seed + 100 + i)); // f gives tensors
    const grads = flatten(
      back(
        unflatten(
          out.def,
          cts.map((c, i) => make((out.leaves[i] as Tensor).shape, c)),
        ) as never,
      ),
    ).leaves as Tensor[]; // cotangents have the output's structure
    agree(
      "reverse mode, <ct, J dx>",
      grads.reduce((s, g, i) => s + inner(numbers(g), dx[i] ?? []), 0),
      cts.reduce((s, c, i) => s + inner(c, forward[i] ?? []), 0),
    );
  }
  if (order > 1) checkGrads((...xs: A) => jvp(f, xs, tree(dx) as never)[1], args, { order: order - 1, modes, eps, rtol, seed: seed + 7 }); // as above
}
