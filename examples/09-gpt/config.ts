// The nouns of this example: what a user may choose, and what a run gives back. Types, names and defaults only: it parses, trains and draws nothing.

/** A way to take the gradient. `pfsam` is Functional-SAM with the perturbation preconditioned by Adam's second moment. */
export type Method = "adamw" | "sam" | "fsam" | "pfsam";

/** Every method, in the order of tables and charts. */
export const methods: readonly Method[] = ["adamw", "sam", "fsam", "pfsam"];

/** What readers call each method. */
export const methodTitle: { readonly [M in Method]: string } = {
  adamw: "AdamW",
  sam: "SAM",
  fsam: "Functional-SAM",
  pfsam: "preconditioned Functional-SAM",
};

/** A place where programs run. */
export type DeviceKind = "wasm" | "webgpu" | "cuda";

/** Every device; whether this machine has one is found out by asking for it. */
export const devices: readonly DeviceKind[] = ["wasm", "webgpu", "cuda"];

/** Everything that decides a comparison: the same configuration gives the same batches and the same initial parameters for every method. */
export interface Config {
  /** Optimizer steps of each method. */
  readonly steps: number;
  /** Decoder blocks. */
  readonly layers: number;
  /** Width of the residual stream, a multiple of `heads`. */
  readonly dim: number;
  /** Attention heads. */
  readonly heads: number;
  /** Characters the model sees at once. */
  readonly context: number;
  /** Sequences in a batch. */
  readonly batch: number;
  /** Peak learning rate, reached after the warm-up. */
  readonly lr: number;
  /** Length of the perturbation of the SAM family. */
  readonly rho: number;
  /** Decides the initial parameters, the batches and the sample. */
  readonly seed: number;
  /** The runs, in order, without repetition. */
  readonly methods: readonly Method[];
  /** Where the programs run. */
  readonly device: DeviceKind;
  /** File name of the HTML report. */
  readonly out: string;
  /** File that the run is kept in while it is under way, and goes on from; the empty string asks for none. */
  readonly checkpoint: string;
  /** Steps from one checkpoint to the next. */
  readonly checkpointEvery: number;
  /** Prompt that each trained model continues; the empty string asks for none. */
  readonly sample: string;
  /** Characters to write after the prompt. */
  readonly sampleLength: number;
  /** Softmax temperature of the sample; 0 always takes the likeliest character. */
  readonly temperature: number;
}

/** What runs when the user says nothing: all four methods in under four minutes on two cores. */
export const defaults: Config = {
  steps: 1200,
  layers: 2,
  dim: 64,
  heads: 4,
  context: 64,
  batch: 8,
  lr: 3e-3,
  rho: 0.05,
  seed: 0,
  methods,
  device: "wasm",
  out: "gpt-report.html",
  checkpoint: "",
  checkpointEvery: 100,
  sample: "The state of the Union is ",
  sampleLength: 160,
  temperature: 0.8,
};

/** Training loss of one step: mean cross-entropy in nats a character, at the parameters before the step, unperturbed. `step` counts from 1. */
export interface TrainPoint {
  readonly step: number;
  readonly loss: number;
}

/** Mean cross-entropy in nats a character over the fixed validation batches, after `step` steps. */
export interface ValidationPoint {
  readonly step: number;
  readonly heldOut: number;
  readonly after1980: number;
}

/** Curvature where a run ended, on one fixed training batch.
 *  `lambdaMax`: largest eigenvalue of the loss's Hessian.
 *  `logitShare`, `functionalShare`: parts of SAM's correction d = (g_logit - g) + (g_func - g) along each path, <d_path, d> / <d, d>; they add up to 1,
 *  and one of them is negative when the two paths pull against each other. */
export interface Sharpness {
  readonly lambdaMax: number;
  readonly logitShare: number;
  readonly functionalShare: number;
}

/** One method's run, whole or interrupted. What an interruption left unmeasured is `undefined`. */
export interface RunResult {
  readonly method: Method;
  readonly train: readonly TrainPoint[];
  readonly validation: readonly ValidationPoint[];
  readonly sharpness: Sharpness | undefined;
  /** Wall time of a step without the first, which compiles; `undefined` before the second step. */
  readonly msPerStep: number | undefined;
  /** Prompt and continuation. */
  readonly sample: string | undefined;
}

/** All that the final table and the report show. */
export interface Summary {
  readonly config: Config;
  readonly results: readonly RunResult[];
  readonly interrupted: boolean;
  /** Scalars in the model. */
  readonly parameters: number;
  /** Symbols of the tokenizer, the replacement symbol included. */
  readonly vocabulary: number;
  /** Characters of each part of the corpus. */
  readonly characters: { readonly train: number; readonly heldOut: number; readonly after1980: number };
}

/** Training loss at the end of a run: the mean of its last tenth of steps (at least one), because one batch's loss is noise. Undefined before the first step. */
export function finalTrainLoss(run: RunResult): number | undefined {
  if (run.train.length === 0) return undefined;
  const tail = run.train.slice(-Math.max(1, Math.floor(run.train.length / 10)));
  return tail.reduce((sum, point) => sum + point.loss, 0) / tail.length;
}
