// The comparison: each method from the same start over the same batches, evaluated alike, until done or interrupted.
// It knows when to step, evaluate, measure and stop; how a model learns is behind `Learner`, what the user sees behind `Display`.
import { setImmediate } from "node:timers/promises";
import { fixedBatches, trainBatch, type Batch } from "./batches.ts";
import {
  methodTitle,
  type Config,
  type Method,
  type RunResult,
  type Sharpness,
  type Summary,
  type TrainPoint,
  type ValidationPoint,
} from "./config.ts";
import { readSpeeches, splitByYear } from "./data.ts";
import type { Progress } from "./progress.ts";
import { buildTokenizer, decode, encode, joinSpeeches, type Tokenizer } from "./tokenizer.ts";

/** The corpus as tokens. */
export interface Corpus {
  readonly tokenizer: Tokenizer;
  readonly train: Int32Array;
  readonly heldOut: Int32Array;
  readonly after1980: Int32Array;
}

/** A model that can be trained by any method, each time from the same initial parameters. */
export interface Learner {
  /** Scalars in the model. */
  readonly parameters: number;
  start(method: Method): Trainee;
}

/** One model under training. Losses are mean cross-entropies in nats a character. */
export interface Trainee {
  /** One optimizer step, counted from 1; gives the loss before it. */
  step(batch: Batch, step: number): Promise<number>;
  /** The loss on one batch. */
  evaluate(batch: Batch): Promise<number>;
  sharpness(batch: Batch): Promise<Sharpness>;
  /** Tokens that follow `prompt`. */
  sample(prompt: Int32Array): Promise<Int32Array>;
  /** Gives its memory back. */
  dispose(): void;
}

/** What the user sees while the experiment runs. */
export interface Display {
  start(method: Method): Progress;
  note(text: string): void;
}

/** Batches in each of the two validation sets. */
export const validationBatches = 8;

/** Reads, splits and tokenizes the speeches.
 *  @throws DataError if they are missing or changed */
export function loadCorpus(): Corpus {
  const split = splitByYear(readSpeeches());
  const [train, heldOut, after1980] = [joinSpeeches(split.train), joinSpeeches(split.heldOut), joinSpeeches(split.after1980)];
  const tokenizer = buildTokenizer(train);
  return { tokenizer, train: encode(tokenizer, train), heldOut: encode(tokenizer, heldOut), after1980: encode(tokenizer, after1980) };
}

/** Runs every method of `config`. When `signal` aborts, the step under way ends, nothing more is measured, and what there is comes back as interrupted. */
export async function runExperiment(
  config: Config,
  corpus: Corpus,
  learner: Learner,
  display: Display,
  signal: AbortSignal,
): Promise<Summary> {
  const results: RunResult[] = [];
  for (const method of config.methods) {
    if (signal.aborted) break;
    results.push(await runMethod(method, config, corpus, learner, display, signal));
  }
  return {
    config,
    results,
    interrupted: signal.aborted,
    parameters: learner.parameters,
    vocabulary: corpus.tokenizer.symbols.length,
    characters: { train: corpus.train.length, heldOut: corpus.heldOut.length, after1980: corpus.after1980.length },
  };
}

async function runMethod(
  method: Method,
  config: Config,
  corpus: Corpus,
  learner: Learner,
  display: Display,
  signal: AbortSignal,
): Promise<RunResult> {
  const trainee = learner.start(method);
  const progress = display.start(method);
  const train: TrainPoint[] = [];
  const validation: ValidationPoint[] = [];
  const heldOut = fixedBatches(corpus.heldOut, config, validationBatches);
  const after1980 = fixedBatches(corpus.after1980, config, validationBatches);
  let ms = 0; // of all steps but the first
  try {
    for (let step = 1; step <= config.steps && !signal.aborted; step++) {
      const begin = performance.now();
      const loss = await trainee.step(trainBatch(corpus.train, config, { seed: config.seed, step }), step);
      if (step > 1) ms += performance.now() - begin;
      train.push({ step, loss });
      progress.update(step, loss);
      await setImmediate(); // lets an interrupt in: compiled programs run without returning to the event loop
      if (isEvaluated(step, config.steps) && !signal.aborted) {
        validation.push({ step, heldOut: await meanLoss(trainee, heldOut), after1980: await meanLoss(trainee, after1980) });
      }
    }
    progress.stop();
    const measured = signal.aborted ? undefined : await trainee.sharpness(trainBatch(corpus.train, config, { seed: config.seed, step: 0 })); // step 0: no step trains on it
    await setImmediate();
    const sample = signal.aborted || config.sample === "" ? undefined : await continuePrompt(config.sample, corpus.tokenizer, trainee);
    if (sample !== undefined) display.note(`${methodTitle[method]} writes: ${sample.trimEnd()}`);
    return { method, train, validation, sharpness: measured, msPerStep: train.length > 1 ? ms / (train.length - 1) : undefined, sample };
  } finally {
    progress.stop();
    trainee.dispose();
  }
}

/** Six evaluations in a run, evenly spaced, the last after the last step (fewer if there are fewer steps). */
function isEvaluated(step: number, steps: number): boolean {
  return Math.floor((step * 6) / steps) > Math.floor(((step - 1) * 6) / steps);
}

async function meanLoss(trainee: Trainee, batches: readonly Batch[]): Promise<number> {
  let sum = 0;
  for (const batch of batches) sum += await trainee.evaluate(batch);
  return sum / batches.length;
}

async function continuePrompt(prompt: string, tokenizer: Tokenizer, trainee: Trainee): Promise<string> {
  return prompt + decode(tokenizer, await trainee.sample(encode(tokenizer, prompt)));
}
