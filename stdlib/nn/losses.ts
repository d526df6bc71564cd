// Losses. Each marks what it receives from the model as "logits", so that Functional-SAM finds it in normal code; everything after belongs to the loss.
import { mark } from "../../compiler/index.ts";
import { sameShape, showAval, type Shape, type Tensor } from "../../compiler/extend.ts";
import { computeDType, isFloat } from "../../runtime/dtype.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { abs, add, astype, div, minimum, mul, square, sub } from "../ops/arithmetic.ts";
import { softplus } from "../ops/activations.ts";
import { greater, where } from "../ops/compare.ts";
import { oneHot } from "../ops/take.ts";
import { logSoftmax, logsumexp, mean, sum } from "../ops/reduce.ts";

/** `labelSmoothing` in [0, 1): the share of the target spread over all classes. `mask` [B]: weights of the targets, bool or numbers, 0 for those that do not
 *  count. `zLoss`: weight of (log Σ exp)². */
export interface CrossEntropyOptions {
  readonly labelSmoothing?: number;
  readonly mask?: Tensor;
  readonly zLoss?: number;
}
/** Mean cross-entropy over the targets that count: logits [B, V], labels integers [B] or probabilities [B, V] -> scalar, in f32 or wider. Marks the logits.
 *  Under a mask the mean is over its weights in the whole batch; no target at all gives 0. @throws E0201 when shapes do not fit, E0801 for a bad option */
export function softmaxCrossEntropy(
  logits: Tensor,
  labels: Tensor,
  { labelSmoothing = 0, mask, zLoss = 0 }: CrossEntropyOptions = {},
): Tensor {
  if (!(labelSmoothing >= 0 && labelSmoothing < 1))
    throw new PullbackError("E0801", `softmaxCrossEntropy: labelSmoothing is ${labelSmoothing}`, { help: "it is in [0, 1)" });
  const z = astype(mark("logits", logits), computeDType(logits.dtype)),
    batch = z.shape.slice(0, -1),
    classes = z.shape.at(-1) ?? 1,
    probabilities = isFloat(labels.dtype);
  requireShape("softmaxCrossEntropy", probabilities ? "probabilities" : "integer labels", labels, probabilities ? z.shape : batch, logits);
  if (mask) requireShape("softmaxCrossEntropy", "mask", mask, batch, logits);
  const hard = probabilities ? astype(labels, z.dtype) : oneHot(labels, classes, { dtype: z.dtype });
  const target = labelSmoothing === 0 ? hard : add(mul(hard, 1 - labelSmoothing), labelSmoothing / classes);
  const losses = mul(sum(mul(logSoftmax(z), target), { axis: -1 }), -1);
  const all = zLoss === 0 ? losses : add(losses, mul(square(logsumexp(z, { axis: -1 })), zLoss));
  if (!mask) return mean(all);
  const weight = astype(mask, z.dtype),
    total = sum(weight);
  return div(sum(mul(all, weight)), where(greater(total, 0), total, 1));
}
/** Mean squared error, predictions and targets of one shape. Marks the predictions. @throws E0201 */
export function meanSquaredError(prediction: Tensor, target: Tensor): Tensor {
  requireShape("meanSquaredError", "target", target, prediction.shape, prediction);
  return mean(square(sub(mark("logits", prediction), target)));
}
/** Mean Huber loss: e²/2 where |e| ≤ delta, else delta (|e| − delta/2). Marks the predictions. @throws E0201 @see Huber 1964 */
export function huber(prediction: Tensor, target: Tensor, { delta = 1 }: { readonly delta?: number } = {}): Tensor {
  requireShape("huber", "target", target, prediction.shape, prediction);
  const e = abs(sub(mark("logits", prediction), target)),
    near = minimum(e, delta);
  return mean(add(mul(square(near), 0.5), mul(sub(e, near), delta)));
}
/** Mean binary cross-entropy from logits, targets in [0, 1] of the same shape. Marks the logits. @throws E0201 */
export function binaryCrossEntropy(logits: Tensor, targets: Tensor): Tensor {
  requireShape("binaryCrossEntropy", "targets", targets, logits.shape, logits);
  const z = mark("logits", logits);
  return mean(sub(softplus(z), mul(z, targets)));
}
/** A shape that broadcasts by accident gives a wrong loss in silence. */
function requireShape(name: string, what: string, x: Tensor, shape: Shape, beside: Tensor): void {
  if (!sameShape(x.shape, shape))
    throw new PullbackError("E0201", `${name}: ${what} ${showAval(x.aval)} beside ${showAval(beside.aval)}`, {
      help: `${what} here: [${shape.join(",")}]`,
    });
}
