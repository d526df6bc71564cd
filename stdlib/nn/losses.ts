// Losses. Cross-entropy marks its logits, so that Functional-SAM finds them in normal code; everything after the logits belongs to the loss.
import { mark } from "../../compiler/index.ts";
import type { Tensor } from "../../compiler/extend.ts";
import { computeDType, isFloat } from "../../runtime/dtype.ts";
import { add, astype, div, maximum, mul, square, sub } from "../ops/arithmetic.ts";
import { softplus } from "../ops/activations.ts";
import { oneHot } from "../ops/take.ts";
import { logSoftmax, logsumexp, mean, sum } from "../ops/reduce.ts";

/** `labelSmoothing` in [0, 1): the share of the target spread over all classes. `mask`: 1 (or true) for targets that count. `zLoss`: weight of (log Σ exp)². */
export interface CrossEntropyOptions { readonly labelSmoothing?: number; readonly mask?: Tensor; readonly zLoss?: number }
/** Mean cross-entropy over the targets that count: logits [B, V], labels integers [B] or probabilities [B, V] -> scalar, in f32 or wider. Marks the logits "logits".
 *  Under a mask the mean is over all unmasked targets of the batch; no target at all gives 0. */
export function softmaxCrossEntropy(logits: Tensor, labels: Tensor, { labelSmoothing = 0, mask, zLoss = 0 }: CrossEntropyOptions = {}): Tensor {
  const marked = mark("logits", logits), z = astype(marked, computeDType(marked.dtype)), classes = z.shape.at(-1) ?? 1;
  const hard = isFloat(labels.dtype) ? astype(labels, z.dtype) : oneHot(labels, classes, { dtype: z.dtype });
  const target = labelSmoothing === 0 ? hard : add(mul(hard, 1 - labelSmoothing), labelSmoothing / classes);
  const losses = mul(sum(mul(logSoftmax(z), target), { axis: -1 }), -1);
  const all = zLoss === 0 ? losses : add(losses, mul(square(logsumexp(z, { axis: -1 })), zLoss));
  if (!mask) return mean(all);
  const weight = astype(mask, z.dtype);
  return div(sum(mul(all, weight)), maximum(sum(weight), 1));
}
/** Mean squared error; marks the predictions "logits". */
export const meanSquaredError = (prediction: Tensor, target: Tensor): Tensor => mean(square(sub(mark("logits", prediction), target)));
/** Mean binary cross-entropy from logits, targets in [0, 1]; marks the logits "logits". */
export function binaryCrossEntropy(logits: Tensor, targets: Tensor): Tensor {
  const z = mark("logits", logits);
  return mean(sub(softplus(z), mul(z, targets)));
}
