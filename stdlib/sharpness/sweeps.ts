// The gradient of a batch, in one piece or summed over micro-batches by a scan. A sweep can take the logit cotangents out of the gradient function, or run
// it with given ones; over micro-batches the cotangents are stacked. Letters: K micro-batches.
import { plant, reap, scan, type Marked } from "../../compiler/index.ts";
import { isTensor, type Tensor } from "../../compiler/extend.ts";
import { computeDType } from "../../runtime/dtype.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { add, astype, div } from "../ops/arithmetic.ts";
import { zeros } from "../ops/creation.ts";
import { sum } from "../ops/reduce.ts";
import { reshape } from "../ops/shape.ts";
import * as tree from "../tree.ts";
import { besideGrad, gradOf, withGrad, type GradientFunction } from "./result.ts";

/** Accumulation over micro-batches. */
export interface Accumulate {
  /** Number of micro-batches K: the leading axis of each split argument is cut into K equal pieces. */
  readonly batches: number;
  /** Positions of the arguments that are cut (default: all but the parameters). Others are handed to every micro-batch whole. */
  readonly args?: readonly number[];
  /** "full" (default): one ε from the gradient of the whole batch; the second sweep follows the first, and logit cotangents are kept between them. "each": every
   *  micro-batch has its own ε (m-SAM), nothing is kept. */
  readonly epsilon?: "full" | "each";
  /** "mean" (default): losses are means over their micro-batch. "sum": losses are already divided by the count of the whole batch, as token masks need. */
  readonly reduce?: "mean" | "sum";
}
/** A result, its gradient, and the logit cotangents where they were asked for. */
export interface Swept<R> {
  readonly result: R;
  readonly grad: unknown;
}
/** Ways to evaluate a gradient function on one batch at given parameters. */
export interface Sweeps<R> {
  plain(params: unknown): Swept<R>;
  reaped(params: unknown): Swept<R> & { readonly values: unknown };
  planted(values: unknown, params: unknown): unknown;
}

/** The sweeps of `f` on `args` in one piece. `at` names the marked logits. */
export function whole<A extends readonly [unknown, ...unknown[]], R>(f: GradientFunction<A, R>, args: A, at: string): Sweeps<R> {
  const again = (params: unknown): A => [params, ...args.slice(1)] as unknown as A; // other parameters of the same structure
  const swept = (result: R, params: unknown): Swept<R> => ({ result, grad: gradOf(result, params) });
  return {
    plain: params => swept(f(...again(params)), params),
    reaped: params => {
      const { out, values } = reap(f, at, "cotangent")(...again(params));
      return { ...swept(out as unknown as R, params), values };
    }, // tensors for numbers
    planted: (values, params) => gradOf(plant(f, at, "cotangent")(values as Marked, ...again(params)), params), // what reaped gave
  };
}

/** The sweeps of `f` summed over micro-batches. @throws E0801 when an axis does not divide */
export function accumulated<A extends readonly [unknown, ...unknown[]], R>(
  f: GradientFunction<A, R>,
  args: A,
  at: string,
  o: Accumulate,
): Sweeps<R> {
  const { cut, join } = microBatches(args, o),
    mean = (o.reduce ?? "mean") === "mean";
  const average = (x: Tensor): Tensor => (mean ? div(x, o.batches) : x);
  const sweep = <V>(
    params: unknown,
    xs: unknown,
    one: (s: Sweeps<R>, x: unknown) => { readonly result: R; readonly grad: unknown; readonly keep: V },
  ): { readonly result: R; readonly grad: unknown; readonly keep: V } => {
    let sample: R | undefined;
    const start = tree.map((p: Tensor) => zeros(p.shape, { dtype: computeDType(p.dtype) }), params);
    const [total, ys] = scan(
      (acc: unknown, x: unknown) => {
        const { micro, value } = x as { readonly micro: unknown; readonly value: unknown }; // a slice of what is scanned over
        const { result, grad, keep } = one(whole(f, join(micro) as A, at), value); // f's own arguments
        sample = result;
        return [
          tree.map((a: Tensor, g: Tensor) => add(a, astype(g, a.dtype)), acc, grad),
          { beside: besideGrad(result, params), keep },
        ] as const;
      },
      start as unknown,
      { micro: cut, value: xs } as unknown,
    ); // untyped trees: their slices are read above
    const { beside, keep } = ys as unknown as { readonly beside: { readonly value?: Tensor } | null; readonly keep: V }; // what the body returned, stacked
    const grad = tree.map((p: Tensor, g: Tensor) => astype(average(g), p.dtype), params, total);
    const values = beside?.value === undefined ? beside : { ...beside, value: average(sum(beside.value, { axis: 0 })) };
    return { grad, keep, result: beside === null ? withGrad(sample as R, params, grad) : ({ ...values, grad } as R) }; // f's own form; aux is stacked
  };
  return {
    plain: params => sweep(params, null, s => ({ ...s.plain(params), keep: null })),
    reaped: params => {
      const { keep: values, ...rest } = sweep(params, null, s => {
        const { values, ...r } = s.reaped(params);
        return { ...r, keep: values };
      });
      return { ...rest, values };
    },
    planted: (values, params) =>
      sweep(params, values, (s, x) => {
        const grad = s.planted(x, params);
        return { grad, result: grad as R, keep: null };
      }).grad, // a bare gradient
  };
}

/** Arguments cut into K along their leading axis, and a function that puts one slice back into the list. @throws E0801 */
export function microBatches(
  args: readonly unknown[],
  { batches, args: which }: Accumulate,
): { readonly cut: readonly unknown[]; join(micro: unknown): readonly unknown[] } {
  if (!Number.isInteger(batches) || batches < 1)
    throw new PullbackError("E0801", `accumulate: batches is ${batches}`, { help: "the number of micro-batches is a whole number from 1" });
  const positions = which ?? args.map((_, i) => i).slice(1);
  const bad = positions.find(i => !(i >= 1 && i < args.length));
  if (bad !== undefined)
    throw new PullbackError(
      "E0801",
      `accumulate: args names position ${bad}; the gradient function was called with ${args.length} arguments`,
      { help: "positions count from 0, which is the parameters and cannot be cut" },
    );
  const cut = positions.map(i =>
    tree.mapWithPath((path: string, x: unknown) => {
      const n = isTensor(x) ? x.shape[0] : undefined;
      if (!isTensor(x) || n === undefined || n % batches !== 0)
        throw new PullbackError(
          "E0801",
          `accumulate: argument ${i}${path === "" ? "" : ` at ${path}`} has ${n === undefined ? "no leading axis" : `${n} examples`}, which cannot be cut into ${batches}`,
          { help: "choose a number of micro-batches that divides the batch, or name the arguments to cut with { args }" },
        );
      return reshape(x, [batches, n / batches, ...x.shape.slice(1)]);
    }, args[i]),
  );
  return { cut, join: micro => args.map((a, i) => (positions.includes(i) ? (micro as readonly unknown[])[positions.indexOf(i)] : a)) }; // the list of pieces
}
