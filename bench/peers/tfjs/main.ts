// The TensorFlow.js column: its Wasm backend, eager, since it has no compiler. Gradients whose kernels the Wasm backend lacks are reported as such.
import type { AdamW, Fill, Gpt, Work } from "../../work.ts";
import { fill, fillAll } from "../fill.ts";
import { load } from "../install.ts";
import { peakOf, rehearsals } from "../memory.ts";
import { serve, sumOfSquares, timed, Unsupported, type Job } from "../serve.ts";
import { versions } from "../versions.ts";
import type { Ten, Tf } from "./api.ts";

const tf = await load<Tf>("tfjs", "@tensorflow/tfjs", "commonjs");
await load<object>("tfjs", "@tensorflow/tfjs-backend-wasm", "commonjs");
await tf.setBackend("wasm");
await tf.ready();

const array = (data: Float32Array | Int32Array, shape: number[]): Ten =>
  tf.tensor(data, shape, data instanceof Int32Array ? "int32" : "float32");
type Inputs = Record<string, Ten>;
const named = (inputs: Inputs, name: string): Ten => inputs[name] as Ten; // the names are work.ts's
const halfSquare = (y: Ten): Ten => tf.mul(tf.sum(tf.square(y)), 0.5);

/** A job that calls `run` and drops the results. Its kernels are finished when they return. */
function pure(inputs: Ten[], run: () => Ten[]): Job {
  const first = tf.tidy(run);
  const check = first.reduce((sum, x) => sum + sumOfSquares(x.dataSync()), 0);
  tf.dispose(first);
  return { check, sample: times => timed(times, () => tf.dispose(tf.tidy(run))), release: () => tf.dispose(inputs) };
}

function normalize(x: Ten, epsilon: number): Ten {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  return tf.mul(centred, tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon)));
}

/** Mean cross-entropy of logits f32[N,K] against one-hot labels f32[N,K]. */
const crossEntropy = (logits: Ten, labels: Ten): Ten => tf.mul(tf.sum(tf.mul(tf.logSoftmax(logits), labels)), -1 / (logits.shape[0] ?? 1));

function mlpLoss(params: Ten[], x: Ten, labels: Ten): Ten {
  let h = x;
  for (let i = 0; i < params.length; i += 2) {
    h = tf.add(tf.matMul(h, params[i] as Ten), params[i + 1] as Ten); // weights and biases alternate
    if (i + 2 < params.length) h = tf.relu(h);
  }
  return crossEntropy(h, labels);
}

/** The decoder's logits f32[B*T,V] for one-hot inputs f32[B*T,V] (the Wasm backend cannot differentiate a gather); `p` gives parameters by name, layers one by one. */
function logits(gpt: Gpt, p: (name: string) => Ten, inputs: Ten, mask: Ten): Ten {
  const { batch: b, tokens: t, dim: d, heads: h, layers } = gpt;
  const norm = (x: Ten, scale: Ten): Ten => tf.mul(normalize(x, 1e-6), scale);
  const heads = (x: Ten): Ten => tf.transpose(tf.reshape(x, [b, t, h, d / h]), [0, 2, 1, 3]);
  let x = tf.reshape(tf.add(tf.reshape(tf.matMul(inputs, p("embed")), [b, t, d]), p("pos")), [b * t, d]);
  for (let i = 0; i < layers; i++) {
    const y = norm(x, p(`ln1${i}`));
    const q = tf.mul(heads(tf.matMul(y, p(`wq${i}`))), 1 / Math.sqrt(d / h)),
      k = heads(tf.matMul(y, p(`wk${i}`))),
      v = heads(tf.matMul(y, p(`wv${i}`)));
    const mixed = tf.matMul(tf.softmax(tf.add(tf.matMul(q, k, false, true), mask)), v);
    x = tf.add(x, tf.matMul(tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [b * t, d]), p(`wo${i}`)));
    const up = tf.matMul(norm(x, p(`ln2${i}`)), p(`up${i}`));
    const gelu = tf.mul(
      tf.mul(up, 0.5),
      tf.add(tf.tanh(tf.mul(tf.add(up, tf.mul(tf.mul(tf.square(up), up), 0.044715)), Math.sqrt(2 / Math.PI))), 1),
    );
    x = tf.add(x, tf.matMul(gelu, p(`down${i}`)));
  }
  return tf.matMul(norm(x, p("lnf")), p("embed"), false, true);
}

/** A function that takes one AdamW step on `loss` and gives the loss before it. */
function adamwStep(
  params: Ten[],
  loss: (...params: Ten[]) => Ten,
  { lr, b1, b2, eps, decay }: AdamW,
): { step: () => number; release: () => void } {
  const zeros = (): Ten[] => params.map(p => array(new Float32Array(p.shape.reduce((a, b) => a * b, 1)), p.shape));
  let state = { p: params, m: zeros(), v: zeros() },
    t = 0;
  const gradient = tf.valueAndGrads(loss);
  const all = (): Ten[] => [...state.p, ...state.m, ...state.v];
  const step = (): number => {
    const [c1, c2] = [1 - b1 ** ++t, 1 - b2 ** t];
    const old = all();
    const value = tf.tidy(() => {
      const { value: at, grads } = gradient(state.p);
      const m = state.m.map((m, i) => tf.keep(tf.add(tf.mul(m, b1), tf.mul(grads[i] as Ten, 1 - b1)))); // as many gradients as parameters
      const v = state.v.map((v, i) => tf.keep(tf.add(tf.mul(v, b2), tf.mul(tf.square(grads[i] as Ten), 1 - b2)))); // as many
      const p = state.p.map((p, i) => {
        const update = tf.add(tf.div(tf.div(m[i] as Ten, c1), tf.add(tf.sqrt(tf.div(v[i] as Ten, c2)), eps)), tf.mul(p, decay)); // as many
        return tf.keep(tf.sub(p, tf.mul(update, lr)));
      });
      state = { p, m, v };
      return at.dataSync()[0] ?? NaN;
    });
    tf.dispose(old);
    return value;
  };
  return { step, release: () => tf.dispose(all()) };
}

/** The check is the loss of the third step. */
function training({ step, release }: { step: () => number; release: () => void }): Job {
  step();
  step();
  return { check: step(), sample: times => timed(times, step), release };
}

function gptParts({ gpt, inputs }: Extract<Work, { kind: "gptStep" | "gptGradient" }>): {
  names: string[];
  params: Ten[];
  model: (params: Ten[]) => Ten;
  targets: Ten;
} {
  const { batch: b, tokens: t, layers, vocabulary } = gpt;
  const params: Inputs = {};
  for (const [name, f] of Object.entries(inputs)) {
    if (name === "tokens") continue;
    const data = fill(f),
      size = data.length / layers;
    if (f.shape.length === 1 || name === "embed" || name === "pos") params[name] = array(data, [...f.shape]);
    else for (let i = 0; i < layers; i++) params[`${name}${i}`] = array(data.slice(i * size, (i + 1) * size), f.shape.slice(1));
  }
  const tokens = fill(inputs["tokens"] as Fill); // work.ts always gives them
  const at = (shift: number): Int32Array =>
    Int32Array.from({ length: b * t }, (_, i) => tokens[Math.floor(i / t) * (t + 1) + (i % t) + shift] ?? 0);
  const mask = array(
    Float32Array.from({ length: t * t }, (_, i) => (i % t > Math.floor(i / t) ? -1e9 : 0)),
    [t, t],
  );
  const names = Object.keys(params);
  const oneHot = (ids: Int32Array): Ten => tf.tidy(() => tf.cast(tf.oneHot(array(ids, [b * t]), vocabulary), "float32"));
  const read = oneHot(at(0)),
    targets = oneHot(at(1));
  return {
    names,
    params: Object.values(params),
    targets,
    model: list => logits(gpt, name => list[names.indexOf(name)] as Ten, read, mask),
  }; // the names that logits uses are parameters
}

async function prepare(work: Work): Promise<Job> {
  switch (work.kind) {
    case "attention":
    case "adamw":
      throw new Unsupported("rows of GPUs: this column computes on the CPU");
    case "mlpHvp":
      throw new Unsupported("TensorFlow.js differentiates through a relu once only");
    case "chain": {
      const spec = work.inputs["x"] as Fill; // work.ts always gives it
      const program = (data: Float32Array | Int32Array, shape: number[]): void =>
        tf.tidy(() => {
          const x = array(data, shape);
          let h = x;
          for (let i = 0; i < work.links; i++) {
            const next = tf.matMul(h, x);
            if (h !== x) h.dispose();
            h = next;
          }
          h.dataSync();
        });
      for (const n of rehearsals) program(new Float32Array(n * n), [n, n]);
      const data = fill(spec);
      const peak = await peakOf(() => program(data, [...spec.shape]));
      return { check: undefined, sample: () => peak, release: () => undefined };
    }
    case "gptStep": {
      const { params, model, targets } = gptParts(work);
      const make = (): { step: () => number; release: () => void } =>
        adamwStep(params, (...list) => crossEntropy(model(list), targets), work.adamw);
      if (!work.first) return training(make());
      const one = make();
      return { check: undefined, sample: () => timed(1, one.step), release: one.release };
    }
    case "gptGradient": {
      const { params, model, targets } = gptParts(work);
      const { rho } = work;
      if (rho === undefined) {
        const gradient = tf.grads((...list) => crossEntropy(model(list), targets));
        return pure(params, () => gradient(params));
      }
      const pull = tf.grads((...list) => model(list)),
        head = tf.grads(z => crossEntropy(z, targets));
      return pure(params, () => {
        const c = head([model(params)])[0] as Ten; // one argument, one gradient
        const g = pull(params, c);
        const factor = tf.div(
          tf.tensor(new Float32Array([rho]), [], "float32"),
          tf.sqrt(g.map(x => tf.sum(tf.square(x))).reduce((a, x) => tf.add(a, x))),
        );
        return pull(
          params.map((p, i) => tf.add(p, tf.mul(g[i] as Ten, factor))),
          c,
        ); // as many gradients as parameters
      });
    }
    default:
  }
  const inputs = fillAll(work.inputs, array),
    leaves = Object.values(inputs);
  switch (work.kind) {
    case "gemm":
      return pure(leaves, () => [tf.matMul(named(inputs, "a"), named(inputs, "b"))]);
    case "gate":
      return pure(leaves, () => [tf.mul(tf.tanh(tf.add(tf.mul(named(inputs, "x"), 1.3), 0.2)), tf.sigmoid(named(inputs, "x")))]);
    case "softmax":
      return pure(leaves, () => [tf.softmax(named(inputs, "x"))]);
    case "layerNorm": {
      const of = (x: Ten, scale: Ten, bias: Ten): Ten => tf.add(tf.mul(normalize(x, 1e-5), scale), bias);
      const args = [named(inputs, "x"), named(inputs, "scale"), named(inputs, "bias")] as const;
      const gradient = tf.grads((...list) => halfSquare(of(...(list as [Ten, Ten, Ten])))); // called with three
      return pure(leaves, work.gradient ? () => gradient([...args]) : () => [of(...args)]);
    }
    case "conv": {
      // tfjs's layouts: NHWC and HWIO. Moving there is not timed.
      const x = tf.tidy(() => tf.transpose(named(inputs, "x"), [0, 2, 3, 1])),
        w = tf.tidy(() => tf.transpose(named(inputs, "w"), [2, 3, 1, 0]));
      const gradient = tf.grads((a, b) => halfSquare(tf.conv2d(a as Ten, b as Ten, 1, "same", "NHWC"))); // called with two
      return pure([...leaves, x, w], work.gradient ? () => gradient([x, w]) : () => [tf.conv2d(x, w, 1, "same", "NHWC")]);
    }
    case "mlpStep": {
      const { x, labels, ...rest } = inputs;
      const target = tf.tidy(() =>
        tf.cast(tf.oneHot(labels as Ten, rest[`b${Object.keys(rest).length / 2 - 1}`]?.shape[0] ?? 0), "float32"),
      ); // named in work.ts
      return training(adamwStep(Object.values(rest), (...list) => mlpLoss(list, x as Ten, target), work.adamw)); // named in work.ts
    }
    case "call":
      return pure(leaves, () => leaves.map(x => tf.add(x, 1)));
    default:
      return work satisfies never;
  }
}

/** Work that needs a kernel which the Wasm backend lacks is not supported, rather than broken. */
async function prepareOrDecline(work: Work): Promise<Job> {
  try {
    return await prepare(work);
  } catch (error) {
    throw error instanceof Error && error.message.includes("not registered for backend") ? new Unsupported(error.message) : error;
  }
}

await serve({ title: `tfjs-wasm ${versions.tfjs["@tensorflow/tfjs-backend-wasm"]}`, prepare: prepareOrDecline });
