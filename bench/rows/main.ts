// The pullback column, against the public interface alone. Usage: main.ts <threads> [wide].
import { add, defaultDevice, grad, hvp, isTensor, jit, matmul, mul, plant, reap, setDefaultDevice, sigmoid, softmax, div, square, sum, tanh, valueAndGrad, wasm, fromHost, type Tensor } from "pullback";
import { conv } from "pullback/extend";
import { adamw, applyUpdates } from "pullback/optim";
import * as tree from "pullback/tree";
import { fill, fillAll } from "../peers/fill.ts";
import { peakOf, rehearsals } from "../peers/memory.ts";
import { serve, sumOfSquares, timed, type Job } from "../peers/serve.ts";
import type { AdamW, Fills, Work } from "../work.ts";
import { crossEntropy, logits, mlpLoss, named, normalize, type Params } from "./models.ts";

const [threads = "1", wide] = process.argv.slice(2);
setDefaultDevice(wasm({ threads: Number(threads), ...(wide === "wide" ? { wide: true } : {}) }));

const array = (data: Float32Array | Int32Array, shape: number[]): Tensor => fromHost(data instanceof Int32Array ? "i32" : "f32", shape, data);
const upload = (fills: Fills): Params => fillAll(fills, array);
const tensors = (x: unknown): Tensor[] => tree.leaves(x).filter(isTensor);
const free = (x: unknown): void => tensors(x).forEach(t => t.dispose());
const halfSquare = (y: Tensor): Tensor => mul(sum(square(y)), 0.5);

/** A job that calls compiled `f` and drops the results: work is finished when a call returns. The check is the sum of squares over all results. */
function pure<A extends readonly unknown[]>(f: (...args: A) => unknown, ...args: A): Job {
  const compiled = jit(f);
  const first = compiled(...args);
  const check = tensors(first).reduce((total, x) => total + sumOfSquares(x.dataSync()), 0);
  free(first);
  return { check, sample: times => timed(times, () => free(compiled(...args))), release: () => free(args) };
}

/** A function that takes one AdamW step on `loss(params, ...data)`, the state donated, and gives the loss before it. */
function training(loss: (params: Params, ...data: Tensor[]) => Tensor, params: Params, data: readonly Tensor[], { lr, b1, b2, eps, decay }: AdamW): { step: () => number; release: () => void } {
  const optimizer = adamw({ lr, b1, b2, eps, weightDecay: decay });
  const compiled = jit((p: Params, s: ReturnType<typeof optimizer.init>, d: readonly Tensor[]) => {
    const { value, grad: g } = valueAndGrad(loss)(p, ...d);
    const [updates, next] = optimizer.update(g, s, p);
    return { value, params: applyUpdates(p, updates), state: next };
  }, { donate: [0, 1] });
  let state = { params, state: optimizer.init(params) };
  const step = (): number => {
    const { value, ...next } = compiled(state.params, state.state, data);
    state = next;
    const at = value.item();
    value.dispose();
    return at;
  };
  return { step, release: () => free([state, data]) };
}

/** The check is the loss of the third step. */
function trained({ step, release }: { step: () => number; release: () => void }): Job {
  step();
  step();
  return { check: step(), sample: times => timed(times, step), release };
}

/** Parameters, inputs i32[B,T] and targets i32[B,T]. */
function prepareGpt({ gpt: { batch: b, tokens: t }, inputs: { tokens, ...rest } }: Extract<Work, { kind: "gptStep" | "gptGradient" }>): { params: Params; data: readonly [Tensor, Tensor] } {
  if (!tokens) throw new Error("the work has no tokens");
  const all = fill(tokens);
  const at = (shift: number): Tensor => array(Int32Array.from({ length: b * t }, (_, i) => all[Math.floor(i / t) * (t + 1) + (i % t) + shift] ?? 0), [b, t]);
  return { params: upload(rest), data: [at(0), at(1)] };
}

async function prepare(work: Work): Promise<Job> {
  switch (work.kind) {
    case "gemm": return pure((x: Params) => matmul(named(x, "a"), named(x, "b")), upload(work.inputs));
    case "gate": return pure((x: Params) => mul(tanh(add(mul(named(x, "x"), 1.3), 0.2)), sigmoid(named(x, "x"))), upload(work.inputs));
    case "softmax": return pure((x: Params) => softmax(named(x, "x")), upload(work.inputs));
    case "layerNorm": {
      const norm = (x: Params): Tensor => add(mul(normalize(named(x, "x"), 1e-5), named(x, "scale")), named(x, "bias"));
      return pure(work.gradient ? grad((x: Params) => halfSquare(norm(x))) : norm, upload(work.inputs));
    }
    case "conv": {
      const f = (x: Params): Tensor => conv(named(x, "x"), named(x, "w"), { stride: [1, 1], pad: [[1, 1], [1, 1]], dilation: [1, 1], base: [1, 1], groups: 1 });
      return pure(work.gradient ? grad((x: Params) => halfSquare(f(x))) : f, upload(work.inputs));
    }
    case "call": return pure((x: Params) => tree.map((v: Tensor) => add(v, 1), x), upload(work.inputs));
    case "mlpStep": {
      const { x, labels, ...params } = upload(work.inputs);
      return trained(training(mlpLoss as (p: Params, ...data: Tensor[]) => Tensor, params, [named({ x } as Params, "x"), named({ labels } as Params, "labels")], work.adamw)); // called with exactly two
    }
    case "mlpHvp": {
      const all = upload(work.inputs);
      const part = (direction: boolean): Params => Object.fromEntries(Object.entries(all).filter(([name]) => name !== "x" && name !== "labels" && name.startsWith("d_") === direction).map(([name, v]) => [name.replace("d_", ""), v]));
      return pure(hvp(mlpLoss), part(false), part(true), named(all, "x"), named(all, "labels"));
    }
    case "gptStep": {
      const { params, data } = prepareGpt(work);
      const loss = (p: Params, ...[inputs, targets]: Tensor[]): Tensor => crossEntropy(logits(work.gpt, p, inputs as Tensor), targets as Tensor); // called with exactly two
      if (!work.first) return trained(training(loss, params, data, work.adamw));
      const { step, release } = training(loss, params, data, work.adamw);
      return { check: undefined, sample: () => timed(1, step), release };
    }
    case "gptGradient": {
      const { params, data } = prepareGpt(work);
      const loss = (p: Params, inputs: Tensor, targets: Tensor): Tensor => crossEntropy(logits(work.gpt, p, inputs), targets);
      return pure(work.rho === undefined ? grad(loss) : functionalSam(grad(loss), work.rho), params, ...data);
    }
    case "chain": {
      const program = jit((x: Tensor) => {
        let h = x;
        for (let i = 0; i < work.links; i++) h = matmul(h, x);
        return h;
      });
      const { x: spec } = work.inputs;
      if (!spec) throw new Error("the work has no x");
      for (const n of rehearsals) free(program(array(new Float32Array(n * n), [n, n])));
      const data = fill(spec);
      const peak = await peakOf(() => {
        const x = array(data, [...spec.shape]);
        free([program(x), x]);
      });
      return { check: undefined, sample: () => peak, release: () => undefined };
    }
    default: return work satisfies never;
  }
}

/** Functional-SAM of the gradient function `g`. */
function functionalSam<A extends readonly unknown[]>(g: (params: Params, ...rest: A) => Params, rho: number): (params: Params, ...rest: A) => unknown {
  return (params, ...rest) => {
    const { out, values } = reap(g, "logits", "cotangent")(params, ...rest);
    const moved = tree.add(params, tree.scale(div(rho, tree.norm(out)), out));
    return plant(g, "logits", "cotangent")(values, moved, ...rest);
  };
}

await serve({ title: `pullback on ${defaultDevice().name}`, prepare });
