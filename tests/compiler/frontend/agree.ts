// One program in every way of running it, against plain JavaScript: rewritten on numbers, eager, jit, vmap, gradients.
import { isTensor, type Tensor } from "../../../compiler/index.ts";
import { array, grad, jacfwd, jit, vmap } from "../../../stdlib/index.ts";
import * as tree from "../../../stdlib/tree.ts";
import { plain, rewritten, type Run } from "./load.ts";

/** A program: the text of a module that exports `f`, a function of numbers. */
export interface Program {
  readonly name: string;
  readonly source: string;
  /** Argument lists of numbers. */
  readonly at: readonly (readonly number[])[];
  /** How its derivative is taken: "reverse" unless a tensor decides how long a loop runs, which goes forwards alone; "none" for results that are steps. */
  readonly derivative?: "reverse" | "forward" | "none";
}

const tensor = (x: number): Tensor => array(x, { dtype: "f64" });
/** All numbers of a result. */
export const numbersOf = (x: unknown): number[] => tree.leaves(x).flatMap(l => (isTensor(l) ? [...l.dataSync()] : [Number(l)]));
/** Are the numbers the same up to `tolerance`·(1 + |want|)? */
export const near = (got: readonly number[], want: readonly number[], tolerance: number): boolean =>
  got.length === want.length &&
  got.every((x, i) => {
    const w = want[i] ?? NaN;
    return Object.is(x, w) || x === w || Math.abs(x - w) <= tolerance * (1 + Math.abs(w));
  });
/** The sum of a result's numbers, as a scalar. */
const total =
  (f: Run): Run =>
  (...xs) =>
    tree.leaves(f(...xs)).reduce<Tensor>((s, x) => s.add(isTensor(x) ? x.astype("f64").sum() : Number(x)), array(0, { dtype: "f64" }));
/** Central differences of fourth order of the sum of a plain function's results. */
export function differences(f: Run, at: readonly number[], h = 1e-3): number[] {
  const sum = (i: number, d: number): number => numbersOf(f(...at.map((x, k) => (k === i ? x + d : x)))).reduce((s, x) => s + x, 0);
  return at.map((_, i) => (8 * (sum(i, h) - sum(i, -h)) - (sum(i, 2 * h) - sum(i, -2 * h))) / (12 * h));
}

/** @throws naming the way and the numbers, when one way of running the program disagrees with plain JavaScript */
export function requireAgreement({ source, at, derivative = "reverse" }: Program): void {
  const want = plain(source),
    f = rewritten(source);
  const same = (way: string, args: readonly number[], got: readonly number[], wanted: readonly number[], tolerance: number): void => {
    if (!near(got, wanted, tolerance)) throw new Error(`${way} at (${args.join(", ")}): ${got.join(", ")}, not ${wanted.join(", ")}`);
  };
  const compiled = jit((...xs: readonly Tensor[]) => f(...xs));
  for (const args of at) {
    const wanted = numbersOf(want(...args));
    same("numbers", args, numbersOf(f(...args)), wanted, 0);
    same("eager", args, numbersOf(f(...args.map(tensor))), wanted, 1e-12);
    same("jit", args, numbersOf(compiled(...args.map(tensor))), wanted, 1e-12);
  }
  const columns = (at[0] ?? []).map((_, i) =>
    array(
      at.map(a => a[i] ?? 0),
      { dtype: "f64" },
    ),
  );
  const batched = vmap((...xs: readonly Tensor[]) => total(f)(...xs) as Tensor)(...columns); // total gives a tensor
  same(
    "vmap",
    at.flat(),
    numbersOf(batched),
    at.map(args => numbersOf(want(...args)).reduce((s, x) => s + x, 0)),
    1e-10,
  );
  if (derivative === "none") return;
  const argnums = (at[0] ?? []).map((_, i) => i);
  const scalar = total(f) as (...xs: Tensor[]) => Tensor; // total gives a tensor
  const gradient = grad(scalar, { argnums });
  const forward = argnums.map(i => jacfwd(scalar, { argnums: i }) as Run);
  for (const args of at) {
    const xs = args.map(tensor);
    const got = derivative === "reverse" ? gradient(...xs) : forward.map(g => g(...xs));
    same("gradient", args, numbersOf(got), differences(want, args), 1e-6);
  }
}
