// The pullback column, against the public interface alone. Usage: main.ts <threads> [narrow], or main.ts webgpu.
import {
  add,
  defaultDevice,
  fromHost,
  grad,
  hvp,
  isTensor,
  jit,
  matmul,
  mul,
  setDefaultDevice,
  sigmoid,
  softmax,
  square,
  sum,
  tanh,
  valueAndGrad,
  wasm,
  webgpu,
  type Tensor,
} from "pullback";
import { conv } from "pullback/extend";
import * as nn from "pullback/nn";
import { adamw, applyUpdates } from "pullback/optim";
import { fsam } from "pullback/sharpness";
import * as tree from "pullback/tree";
import { lossOf } from "../../examples/09-gpt/model.ts";
import { fill, fillAll } from "../peers/fill.ts";
import { dawn } from "../peers/gpu.ts";
import { peakOf, rehearsals } from "../peers/memory.ts";
import { serve, sumOfSquares, timed, timedAsync, type Job } from "../peers/serve.ts";
import type { AdamW, Fills, Work } from "../work.ts";
import { decoderParams, mlpLoss, named, type Named } from "./models.ts";

const [where = "1", vectors] = process.argv.slice(2);
const counted = where === "webgpu" ? await dawn() : undefined;
const gpu = counted && (await webgpu({ gpu: counted.gpu }));
setDefaultDevice(gpu ?? wasm({ threads: Number(where), ...(vectors === "narrow" ? { wide: false } : {}) }));

const array = (data: Float32Array | Int32Array, shape: number[]): Tensor =>
  fromHost(data instanceof Int32Array ? "i32" : "f32", shape, data);
const upload = (fills: Fills): Named => fillAll(fills, array);
const tensors = (x: unknown): Tensor[] => tree.leaves(x).filter(isTensor);
const free = (x: unknown): void => tensors(x).forEach(t => t.dispose());
const halfSquare = (y: Tensor): Tensor => mul(sum(square(y)), 0.5);

/** Runs `once`, and counts its dispatches where there are any. */
async function counts(once: () => Promise<unknown>): Promise<{ readonly kernels?: number }> {
  const before = counted?.dispatches() ?? 0;
  await once();
  return counted ? { kernels: counted.dispatches() - before } : {};
}

/** A job that calls compiled `f` and drops the results: on the CPU work is finished when a call returns. The check is the sum of squares over all results. */
async function pure<A extends readonly unknown[]>(f: (...args: A) => unknown, ...args: A): Promise<Job> {
  const compiled = jit(f);
  const first = compiled(...args);
  let check = 0;
  for (const x of tensors(first)) check += sumOfSquares(await x.data());
  free(first);
  const call = (): void => free(compiled(...args)),
    finished = async (): Promise<void> => {
      call();
      await gpu?.sync();
    };
  return {
    check,
    ...(await counts(finished)),
    sample: times => (gpu ? timedAsync(times, finished) : timed(times, call)),
    release: () => free(args),
  };
}

/** A function that takes one AdamW step on `loss(params, ...data)`, the state donated, and gives the loss before it. */
function training<P, D extends readonly Tensor[]>(
  loss: (params: P, ...data: D) => Tensor,
  params: P,
  data: D,
  { lr, b1, b2, eps, decay }: AdamW,
): { step: () => Promise<number>; release: () => void } {
  const optimizer = adamw({ lr, b1, b2, eps, weightDecay: decay });
  const compiled = jit(
    (p: P, s: ReturnType<typeof optimizer.init>, d: D) => {
      const { value, grad: g } = valueAndGrad(loss)(p, ...d);
      const [updates, next] = optimizer.update(g, s, p);
      return { value, params: applyUpdates(p, updates), state: next };
    },
    { donate: [0, 1] },
  );
  let state: unknown[] = [params, optimizer.init(params)];
  const step = async (): Promise<number> => {
    const [p, s] = state as [P, ReturnType<typeof optimizer.init>]; // the step keeps their structure
    const { value, ...next } = compiled(p, s, data);
    state = [next.params, next.state];
    const at = gpu ? ((await value.data())[0] ?? NaN) : value.item();
    value.dispose();
    return at;
  };
  return { step, release: () => free([state, data]) };
}

/** The check is what the third step gives. */
async function trained({ step, release }: { step: () => Promise<number>; release: () => void }): Promise<Job> {
  await step();
  await step();
  let check = NaN;
  const kernels = await counts(async () => (check = await step()));
  return { check, ...kernels, sample: times => timedAsync(times, async () => void (await step())), release };
}
/** One AdamW update a step; each gives the first parameter's first element. */
function updates({ lr, b1, b2, eps, decay }: AdamW, params: Named, grads: Named): { step: () => Promise<number>; release: () => void } {
  const optimizer = adamw({ lr, b1, b2, eps, weightDecay: decay });
  type State = ReturnType<typeof optimizer.init>;
  const compiled = jit(
    (p: Named, s: State, g: Named) => {
      const [moves, next] = optimizer.update(g, s, p);
      return { params: applyUpdates(p, moves), state: next };
    },
    { donate: [0, 1] },
  );
  let state = { params, state: optimizer.init(params) };
  const step = async (): Promise<number> => {
    state = compiled(state.params, state.state, grads) as typeof state; // the step keeps their structure
    return (await (Object.values(state.params)[0] as Tensor).data())[0] ?? NaN; // there are some
  };
  return { step, release: () => free([state, grads]) };
}

/** Parameters and tokens i32[B,T+1]. */
function prepareGpt(fills: Fills): { params: nn.Decoder; tokens: Tensor } {
  const inputs = upload(fills);
  return { params: decoderParams(inputs), tokens: named(inputs, "tokens") };
}

async function prepare(work: Work): Promise<Job> {
  switch (work.kind) {
    case "gemm":
      return pure((x: Named) => matmul(named(x, "a"), named(x, "b")), upload(work.inputs));
    case "gate":
      return pure((x: Named) => mul(tanh(add(mul(named(x, "x"), 1.3), 0.2)), sigmoid(named(x, "x"))), upload(work.inputs));
    case "softmax":
      return pure((x: Named) => softmax(named(x, "x")), upload(work.inputs));
    case "layerNorm": {
      const norm = (x: Named): Tensor => nn.layerNorm(named(x, "x"), { scale: named(x, "scale"), bias: named(x, "bias"), eps: 1e-5 });
      return pure(work.gradient ? grad((x: Named) => halfSquare(norm(x))) : norm, upload(work.inputs));
    }
    case "conv": {
      const f = (x: Named): Tensor =>
        conv(named(x, "x"), named(x, "w"), {
          stride: [1, 1],
          pad: [
            [1, 1],
            [1, 1],
          ],
          dilation: [1, 1],
          base: [1, 1],
          groups: 1,
        });
      return pure(work.gradient ? grad((x: Named) => halfSquare(f(x))) : f, upload(work.inputs));
    }
    case "attention": {
      const of = (x: Named): Tensor => nn.dotProductAttention(named(x, "q"), named(x, "k"), named(x, "v"), { causal: true });
      return pure(work.gradient ? grad((x: Named) => halfSquare(of(x))) : of, upload(work.inputs));
    }
    case "adamw": {
      const all = Object.entries(upload(work.inputs)),
        part = (letter: string): Named =>
          Object.fromEntries(all.filter(([name]) => name[0] === letter).map(([name, x]) => [name.slice(1), x]));
      return trained(updates(work.adamw, part("p"), part("g")));
    }
    case "call":
      return pure((x: Named) => tree.map((v: Tensor) => add(v, 1), x), upload(work.inputs));
    case "mlpStep": {
      const { x, labels, ...params } = upload(work.inputs);
      return trained(training(mlpLoss, params as Named, [x, labels] as [Tensor, Tensor], work.adamw)); // named in work.ts
    }
    case "mlpHvp": {
      const all = upload(work.inputs);
      const part = (direction: boolean): Named =>
        Object.fromEntries(
          Object.entries(all)
            .filter(([name]) => name !== "x" && name !== "labels" && name.startsWith("d_") === direction)
            .map(([name, v]) => [name.replace("d_", ""), v]),
        );
      return pure(hvp(mlpLoss), part(false), part(true), named(all, "x"), named(all, "labels"));
    }
    case "gptStep": {
      const { params, tokens } = prepareGpt(work.inputs);
      const job = training(lossOf(work.gpt), params, [tokens] as [Tensor], work.adamw); // a list of exactly one
      return work.first
        ? { check: undefined, sample: () => timedAsync(1, async () => void (await job.step())), release: job.release }
        : trained(job);
    }
    case "gptGradient": {
      const { params, tokens } = prepareGpt(work.inputs);
      const gradient = grad(lossOf(work.gpt));
      return pure(work.rho === undefined ? gradient : fsam(gradient, { rho: work.rho }), params, tokens);
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
    default:
      return work satisfies never;
  }
}

await serve({ title: `pullback on ${defaultDevice().name}`, prepare });
