// A random program against plain JavaScript: rewritten on numbers, compiled on tensors, and its gradient against dual numbers.
import fc from "fast-check";
import { rewrite } from "../../../compiler/frontend/rewrite.ts";
import { evaluate, hostTensor } from "../../../compiler/extend.ts";
import type { Tensor } from "../../../compiler/index.ts";
import { array, full, grad, jacfwd, jit } from "../../../stdlib/index.ts";
import { near, numbersOf } from "./agree.ts";
import { d, Dual, dualOperators } from "./dual.ts";
import { program } from "./generate.ts";
import { moduleOf, plain, type Run } from "./load.ts";

const points = [
  [0.3, -0.7],
  [-1.2, 0.9],
] as const;

/** @throws when `source` has another value or gradient on tensors than on numbers */
function requireSame(source: string, forward: boolean): void {
  const want = plain(source);
  const { code, diagnostics } = rewrite(source, "f.ts");
  if (diagnostics.length > 0) throw new Error(diagnostics.map(x => x.message).join("\n"));
  const f = moduleOf(code)["f"] as Run; // exported by every program
  const onDuals = moduleOf(code, { "pullback/operators": dualOperators })["f"] as Run; // as above
  const tensors = (...xs: readonly Tensor[]): Tensor => full([], 0, { dtype: "f64" }).add(f(...xs) as Tensor); // a number or a tensor
  const derivatives = (...xs: [Tensor, Tensor]): unknown =>
    forward
      ? [0, 1].map(i => (jacfwd(tensors, { argnums: i }) as Run)(...xs))
      : grad(tensors as (a: Tensor, b: Tensor) => Tensor, { argnums: [0, 1] })(...xs); // a gradient function takes the function's arguments
  const compiled = jit(tensors),
    traced = jit(derivatives);
  for (const at of points) {
    const check = (way: string, got: readonly number[], wanted: readonly number[], tolerance: number): void => {
      if (!near(got, wanted, tolerance)) throw new Error(`${way} at (${at.join(", ")}): ${got.join(", ")}, not ${wanted.join(", ")}`);
    };
    const value = numbersOf(want(...at));
    check("numbers", numbersOf(f(...at)), value, 0);
    const xs = at.map(v => array(v, { dtype: "f64" })) as [Tensor, Tensor]; // two points
    check("jit", numbersOf(compiled(...xs)), value, 1e-10);
    const gradient = evaluate(
      traced.lower(...xs).func,
      at.map(v => hostTensor("f64", [], [v])),
    ).flatMap(r => [...r.data]);
    const derivative = (i: number): number => d(onDuals(...at.map((v, k) => new Dual(v, k === i ? 1 : 0))) as Dual | number); // what the operators give
    check("gradient", gradient, [derivative(0), derivative(1)], 1e-8);
  }
}
/** Check fifty random programs (PULLBACK_FUZZ_RUNS: another number; PULLBACK_FUZZ_SEED: other programs); a failure is shrunk and prints its seed. */
export function requireSameForRandom(loops: boolean, seed: number): void {
  const { PULLBACK_FUZZ_RUNS: runs = 50, PULLBACK_FUZZ_SEED: other = seed } = process.env;
  const result = fc.check(
    fc.property(program(loops), source => requireSame(source, loops)),
    { numRuns: Number(runs), seed: Number(other) },
  );
  if (!result.failed) return;
  const { counterexample, errorInstance } = result;
  throw new Error(
    `seed ${result.seed}, ${result.numRuns} programs:\n${counterexample?.[0] ?? ""}\n${errorInstance instanceof Error ? errorInstance.message : ""}`,
  );
}
