// How the model learns: one compiled step a method. SAM changes which gradient is taken; the optimizer is AdamW for all of them.
import { array, div, grad, jit, valueAndGrad, type Tensor } from "pullback";
import { slice } from "pullback/extend";
import { loadSafetensors, saveSafetensors } from "pullback/io";
import * as nn from "pullback/nn";
import * as optim from "pullback/optim";
import * as random from "pullback/random";
import { fsam, lambdaMax, pathShares, sam } from "pullback/sharpness";
import * as tree from "pullback/tree";
import type { Batch } from "./batches.ts";
import type { Config, Method } from "./config.ts";
import type { Learner, Trainee } from "./experiment.ts";
import { init, lossOf, type Params } from "./model.ts";

const tensorOf = ({ tokens, shape }: Batch): Tensor => array(tokens, { shape: [...shape] });

/** A learner of the configured model over `vocabulary` symbols. */
export function createLearner(config: Config, vocabulary: number): Learner {
  const loss = lossOf(config),
    key = random.key(config.seed);
  const warmup = Math.max(1, Math.round(config.steps / 10));
  const optimizer = optim.adamw({
    lr: optim.warmupCosine({ init: config.lr / 10, peak: config.lr, warmup, steps: config.steps, end: config.lr / 10 }),
    b1: 0.9,
    b2: 0.98,
    eps: 1e-9,
    weightDecay: 0.1,
  });
  type State = ReturnType<typeof optimizer.init>;
  const gradient = (method: Method, state: State): ((p: Params, tokens: Tensor) => { readonly value: Tensor; readonly grad: Params }) => {
    const plain = valueAndGrad(loss),
      { rho } = config;
    switch (method) {
      case "adamw":
        return plain;
      case "sam":
        return sam(plain, { rho });
      case "fsam":
        return fsam(plain, { rho });
      case "pfsam":
        return fsam(plain, { rho, precondition: optim.secondMoment(state) });
      default:
        return method satisfies never;
    }
  };
  const step = (method: Method) =>
    jit(
      (p: Params, s: State, tokens: Tensor) => {
        const { value, grad: g } = gradient(method, s)(p, tokens);
        const [updates, next] = optimizer.update(g, s, p);
        return { loss: value, params: optim.applyUpdates(p, updates), state: next };
      },
      { donate: [0, 1] },
    );
  const evaluate = jit(loss);
  const curvature = jit((p: Params, tokens: Tensor) => ({
    lambdaMax: lambdaMax(loss, { iterations: 20, key: random.key(config.seed + 1) })(p, tokens),
    shares: pathShares(grad(loss), { rho: config.rho })(p, tokens),
  }));
  const nextLogits = jit((p: Params, tokens: Tensor, at: Tensor) => {
    const logits = nn.decoder(p, tokens, config),
      [, t, v] = logits.shape as readonly [number, number, number]; // [1, T, V]
    return random.categorical(
      random.foldIn(key, at),
      div(slice(logits, { start: [0, t - 1, 0], limit: [1, t, v] }), Math.max(config.temperature, 1e-6)),
    );
  });
  return {
    parameters: tree.size(init(key, vocabulary, config)),
    start(method, saved): Trainee {
      const train = step(method);
      let params = jit(() => init(key, vocabulary, config))() as Params,
        state = optimizer.init(params) as State; // jit keeps the structure
      if (saved) ({ params, state } = loadSafetensors(saved, { like: { params, state } }));
      return {
        async step(batch) {
          const r = train(params, state, tensorOf(batch));
          params = r.params as Params; // the step keeps the structure
          state = r.state as State;
          return (await r.loss.data())[0] ?? NaN;
        },
        async evaluate(batch) {
          return (await evaluate(params, tensorOf(batch)).data())[0] ?? NaN;
        },
        async sharpness(batch) {
          const c = curvature(params, tensorOf(batch)),
            read = async (x: Tensor): Promise<number> => (await x.data())[0] ?? NaN;
          return {
            lambdaMax: await read(c.lambdaMax),
            logitShare: await read(c.shares.logit),
            functionalShare: await read(c.shares.functional),
          };
        },
        async sample(prompt) {
          const ids = [...prompt],
            context = config.context;
          for (let i = 0; i < config.sampleLength; i++) {
            const window = ids.slice(-context),
              tokens = Int32Array.from({ length: context }, (_, k) => window[k - context + window.length] ?? window[0] ?? 0); // short prompts repeat their first symbol in front
            ids.push((await nextLogits(params, array(tokens, { shape: [1, context] }), array(i, { dtype: "u32" })).data())[0] ?? 0);
          }
          return Int32Array.from(ids.slice(prompt.length));
        },
        save: metadata => saveSafetensors({ params, state }, { metadata }),
        dispose() {
          for (const x of [...tree.leaves(params), ...tree.leaves(state)]) (x as Tensor).dispose();
        }, // trees of tensors
      };
    },
  };
}
