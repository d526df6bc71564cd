// The jax-js column: @jax-js/jax on its Wasm or WebGPU backend, each piece of work in the form its documentation recommends (jit, blockUntilReady). Usage: main.ts [webgpu].
import type { Fills, Work } from "../../work.ts";
import { fill, fillAll } from "../fill.ts";
import { dawn } from "../gpu.ts";
import { load } from "../install.ts";
import { peakOf, rehearsals } from "../memory.ts";
import { sumOfSquares, serve, timedAsync, type Job } from "../serve.ts";
import { versions } from "../versions.ts";
import type { Arr, JaxJs, Tree } from "./api.ts";
import { adamwStep, adamwUpdate, crossEntropy, functionalSam, initial, logits, mlpLoss, scalar } from "./training.ts";

const jax = await load<JaxJs>("jax-js", "@jax-js/jax");
const backend = process.argv[2] === "webgpu" ? "webgpu" : "wasm";
const counted = backend === "webgpu" ? await dawn() : undefined;
if (!(await jax.init(backend)).includes(backend)) throw new Error(`jax-js finds no ${backend}`);
jax.defaultDevice(backend);
const np = jax.numpy;

const array = (data: Float32Array | Int32Array, shape: number[]): Arr =>
  np.array(data, { shape, dtype: data instanceof Int32Array ? "int32" : "float32" });
const upload = (fills: Fills): Tree => fillAll(fills, array);
const named = (tree: Tree, name: string): Arr => tree[name] as Arr; // the names are work.ts's

/** A job that calls `run` on copies of `inputs`, waits and drops the results. The check is the sum of squares over all results. */
async function pure(inputs: Tree, run: (inputs: Tree) => Arr | Arr[] | Tree): Promise<Job> {
  const leaves = (out: Arr | Arr[] | Tree): Arr[] => (Array.isArray(out) ? out : "dataSync" in out ? [out as Arr] : Object.values(out)); // a tree has no leaf of that name
  // All results of a compiled call share their pending kernels, so waiting for one runs them all; waiting for each takes time quadratic in their number.
  const once = async (): Promise<void> => {
    const out = run(jax.tree.ref(inputs));
    await jax.blockUntilReady(leaves(out)[0]);
    jax.tree.dispose(out);
  };
  let check = 0;
  for (const x of leaves(run(jax.tree.ref(inputs)))) check += sumOfSquares(await x.data());
  return { check, ...(await counts(once)), sample: times => timedAsync(times, once), release: () => jax.tree.dispose(inputs) };
}
/** Runs `once`, and counts its dispatches where there are any. */
async function counts(once: () => Promise<unknown>): Promise<{ readonly kernels?: number }> {
  const before = counted?.dispatches() ?? 0;
  await once();
  return counted ? { kernels: counted.dispatches() - before } : {};
}

function layerNorm({ x, scale, bias }: { x: Arr; scale: Arr; bias: Arr }): Arr {
  return jax.nn.standardize(x, -1, { epsilon: 1e-5 }).mul(scale).add(bias);
}
const halfSquare = (y: Arr): Arr => np.square(y).sum().mul(0.5);

/** A training job: the check is what the third step gives. */
async function training(make: () => { step: () => Promise<number>; release: () => void }): Promise<Job> {
  const { step, release } = make();
  await step();
  await step();
  let check = NaN;
  const kernels = await counts(async () => (check = await step()));
  return {
    check,
    ...kernels,
    sample: times =>
      timedAsync(times, async () => {
        await step();
      }),
    release,
  };
}

function prepareGpt(work: Extract<Work, { kind: "gptStep" | "gptGradient" }>): { params: Tree; tokens: [Arr, Arr] } {
  const { batch: b, tokens: t, layers } = work.gpt;
  const { tokens: spec, ...rest } = work.inputs;
  const params: Tree = {};
  for (const [name, f] of Object.entries(rest)) {
    const data = fill(f);
    if (f.shape.length === 1 || name === "embed" || name === "pos") params[name] = array(data, [...f.shape]);
    else
      for (let i = 0; i < layers; i++)
        params[`${name}${i}`] = array(data.slice(i * (data.length / layers), (i + 1) * (data.length / layers)), f.shape.slice(1));
  }
  if (!spec) throw new Error("the work has no tokens");
  const all = fill(spec),
    inputs = new Int32Array(b * t),
    targets = new Int32Array(b * t);
  for (let i = 0; i < b; i++) {
    inputs.set(all.subarray(i * (t + 1), i * (t + 1) + t), i * t);
    targets.set(all.subarray(i * (t + 1) + 1, (i + 1) * (t + 1)), i * t);
  }
  return { params, tokens: [array(inputs, [b * t]), array(targets, [b * t])] };
}

async function prepare(work: Work): Promise<Job> {
  switch (work.kind) {
    case "gemm":
      return pure(
        upload(work.inputs),
        jax.jit((x: Tree) => np.matmul(named(x, "a"), named(x, "b"))),
      );
    case "gate":
      return pure(
        upload(work.inputs),
        jax.jit(({ x }: Tree) => np.tanh((x as Arr).ref.mul(1.3).add(0.2)).mul(jax.nn.sigmoid(x as Arr))),
      ); // named in work.ts
    case "softmax":
      return pure(
        upload(work.inputs),
        jax.jit(({ x }: Tree) => jax.nn.softmax(x as Arr, -1)),
      ); // named in work.ts
    case "layerNorm": {
      const of = (x: Tree): Arr => layerNorm({ x: named(x, "x"), scale: named(x, "scale"), bias: named(x, "bias") });
      return work.gradient
        ? pure(
            upload(work.inputs),
            jax.jit((x: Tree) => jax.grad((y: Tree) => halfSquare(of(y)))(x)),
          )
        : pure(upload(work.inputs), jax.jit(of));
    }
    case "conv": {
      const of = (x: Tree): Arr => jax.lax.conv(named(x, "x"), named(x, "w"), [1, 1], "SAME");
      return work.gradient
        ? pure(
            upload(work.inputs),
            jax.jit((x: Tree) => jax.grad((y: Tree) => halfSquare(of(y)))(x)),
          )
        : pure(upload(work.inputs), jax.jit(of));
    }
    case "mlpStep":
      return training(() => {
        const { x, labels, ...params } = upload(work.inputs);
        const state = initial(jax, params),
          step = adamwStep(jax, work.adamw, mlpLoss(jax));
        return {
          step: () => step(state, x as Arr, labels as Arr),
          release: () => jax.tree.dispose([state.params, state.m, state.v, x, labels]),
        }; // named in work.ts
      });
    case "mlpHvp":
      return pure(
        upload(work.inputs),
        jax.jit(({ x, labels, ...rest }: Tree) => {
          const part = (direction: boolean): Tree =>
            Object.fromEntries(
              Object.entries(rest)
                .filter(([name]) => name.startsWith("d_") === direction)
                .map(([name, v]) => [name.replace("d_", ""), v]),
            );
          const gradient = (p: Tree): Tree => jax.grad((q: Tree) => mlpLoss(jax)(q, (x as Arr).ref, (labels as Arr).ref))(p); // named in work.ts
          const [value, product] = jax.jvp(gradient, [part(false)], [part(true)]);
          jax.tree.dispose([value, x, labels]);
          return product;
        }),
      );
    case "gptStep": {
      const { params, tokens } = prepareGpt(work);
      const loss = (p: Tree, inputs: Arr, targets: Arr): Arr => crossEntropy(jax, logits(jax, work.gpt, p, inputs), targets);
      const state = initial(jax, params);
      const make = (): (() => Promise<number>) => {
        const step = adamwStep(jax, work.adamw, loss as (p: Tree, ...data: Arr[]) => Arr); // called with exactly two
        return () => step(state, ...tokens);
      };
      const release = (): void => jax.tree.dispose([state.params, state.m, state.v, ...tokens]);
      return work.first
        ? {
            check: undefined,
            sample: () =>
              timedAsync(1, async () => {
                await make()();
              }),
            release,
          }
        : training(() => ({ step: make(), release }));
    }
    case "gptGradient": {
      const {
        params,
        tokens: [inputs, targets],
      } = prepareGpt(work);
      const plain = (p: Tree, a: Arr, b: Arr): [Arr, Tree] =>
        jax.valueAndGrad((q: Tree) => crossEntropy(jax, logits(jax, work.gpt, q, a), b))(p);
      const gradient = work.rho === undefined ? plain : functionalSam(jax, work.gpt, work.rho);
      const f = jax.jit((p: Tree, a: Arr, b: Arr) => gradient(p, a, b)[1]);
      const job = await pure(params, p => f(p, inputs.ref, targets.ref));
      return {
        ...job,
        release: () => {
          job.release();
          jax.tree.dispose([inputs, targets]);
        },
      };
    }
    case "attention": {
      const of = ({ q, k, v }: Tree): Arr => jax.nn.dotProductAttention(q as Arr, k as Arr, v as Arr, { isCausal: true }); // named in work.ts
      return work.gradient
        ? pure(
            upload(work.inputs),
            jax.jit((x: Tree) => jax.grad((y: Tree) => halfSquare(of(y)))(x)),
          )
        : pure(upload(work.inputs), jax.jit(of));
    }
    case "adamw":
      return training(() => {
        const all = Object.entries(upload(work.inputs)),
          part = (letter: string): Tree =>
            Object.fromEntries(all.filter(([name]) => name[0] === letter).map(([name, x]) => [name.slice(1), x]));
        const grads = part("g"),
          state = initial(jax, part("p"));
        const update = jax.jit((params: Tree, m: Tree, v: Tree, c1: Arr, c2: Arr, g: Tree) =>
          adamwUpdate(jax, work.adamw, { params, m, v, c1, c2 }, g),
        );
        const step = async (): Promise<number> => {
          const { b1, b2 } = work.adamw,
            t = ++state.t;
          const [params, m, v] = update(
            state.params,
            state.m,
            state.v,
            scalar(jax, 1 - b1 ** t),
            scalar(jax, 1 - b2 ** t),
            jax.tree.ref(grads),
          );
          Object.assign(state, { params, m, v });
          return (await (Object.values(params)[0] as Arr).ref.data())[0] as number; // the first parameter's first element
        };
        return { step, release: () => jax.tree.dispose([state.params, state.m, state.v, grads]) };
      });
    case "call":
      return pure(
        upload(work.inputs),
        jax.jit((x: Tree) => Object.fromEntries(Object.entries(x).map(([name, v]) => [name, v.add(1)]))),
      );
    case "chain": {
      const program = jax.jit((x: Arr) => {
        let h = x.ref;
        for (let i = 0; i < work.links; i++) h = np.matmul(h, x.ref);
        x.dispose();
        return h;
      });
      const spec = work.inputs["x"];
      if (!spec) throw new Error("the work has no x");
      for (const n of rehearsals) await program(array(new Float32Array(n * n), [n, n])).data();
      const data = fill(spec) as Float32Array; // a uniform fill
      let check = NaN;
      const peak = await peakOf(async () => {
        const out = await jax.blockUntilReady(program(array(data, [...spec.shape])));
        check = (await out.ref.slice(0, 0).data())[0] ?? NaN;
        out.dispose();
      });
      if (Number.isNaN(check)) throw new Error("the chain gave NaN");
      return { check: undefined, sample: () => peak, release: () => undefined };
    }
    default:
      return work satisfies never;
  }
}

await serve({ title: `jax-js ${versions["jax-js"]["@jax-js/jax"]} on ${backend}`, prepare });
