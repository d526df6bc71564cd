// The one table of how far a backend may be from the reference evaluator, by operation and dtype: |got - want| <= tolerance (1 + |want|). Zero means the same number.
import type { DType } from "../../runtime/dtype.ts";

/** How far from the oracle a result may be. */
export type Tolerance = (d: DType) => number;
/** `exact`: arithmetic is IEEE's, subnormals included. `shader`: a shading language's, which may flush subnormals and is given no f64 to help. */
export type Accuracy = "exact" | "shader";

/** Rounding of one operation: about 16 ulp of f32 for what is computed by polynomials, 1e-12 in f64, one step of the narrow floats. */
export const operation: Tolerance = d => steps[d] ?? 0;
const steps: { readonly [D in DType]?: number } = { f64: 1e-12, f32: 2e-6, f16: 1e-3, bf16: 8e-3, f8e4m3: 0.125, f8e5m2: 0.25 };
/** Three products after one another, with exponentials in between; the results alone are rounded to narrow floats. */
const heads: Tolerance = d => (d === "f32" ? 2e-5 : operation(d));
/** What is less exact than one operation: a sum is in another order, and its terms may cancel. */
const product: Tolerance = d => (d === "f32" ? 2e-5 : operation(d));
const less: Readonly<Record<string, Tolerance>> = {
  dotGeneral: product,
  conv: product,
  reduceSum: d => (d === "f32" ? 1e-5 : operation(d)),
  attention: heads,
  attentionTangent: heads,
  attentionGrad: heads,
};
/** lavapipe can lose the low word of the logarithm in pow (4e-6 at 2.0001 to the power 104): what is left is 2^-24 of |y log x|, which is below 104 where the power is a number. */
const lessInShaders: Readonly<Record<string, Tolerance>> = { pow: d => (d === "f32" ? 7e-6 : operation(d)) };
/** What one primitive is held to. */
export const toleranceOf = (primitive: string, accuracy: Accuracy): Tolerance =>
  (accuracy === "shader" ? lessInShaders[primitive] : undefined) ?? less[primitive] ?? operation;
/** Chains of a dozen operations with sums of up to 10,000 terms in between; integers stay exact. f16 and bf16 are checked one operation at a time. */
export const chain: Tolerance = d => (d === "f64" ? 1e-10 : d === "f32" ? 2e-4 : 0);
/** Loops and branches of a few operations a turn. */
export const controlChain: Tolerance = d => (d === "f32" ? 1e-5 : 0);
/** Their derivatives. */
export const gradientChain: Tolerance = d => (d === "f32" ? 1e-4 : 0);
