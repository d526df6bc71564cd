// The comparison: each method from the same start over the same batches, evaluated alike, until done or interrupted.
// It knows when to step, evaluate, measure and stop; how a model learns is behind `Learner`, what the user sees behind `Display`.
import { setImmediate } from "node:timers/promises";
import { fixedBatches, trainBatch, type Batch } from "./batches.ts";
import { betweenMethods, noteOf, progressOf, type Keep, type Progress, type Underway } from "./checkpoint.ts";
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
import type { Progress as Bar } from "./progress.ts";
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
  /** From the initial parameters, or from what a trainee of that method has saved. */
  start(method: Method, saved?: Uint8Array): Trainee;
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
  /** Parameters and the optimizer's state as they are now, as a safetensors file with that metadata. */
  save(metadata: Readonly<Record<string, string>>): Promise<Uint8Array>;
  /** Gives its memory back. */
  dispose(): void;
}

/** What the user sees while the experiment runs. */
export interface Display {
  start(method: Method): Bar;
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

/** Runs every method of `config`. When `signal` aborts, the step under way ends, nothing more is measured, and what there is comes back as interrupted. With `keep` the
 *  experiment goes on where a checkpoint says that it stopped, to the same results. @throws CheckpointError when that is another experiment's */
export async function runExperiment(
  config: Config,
  corpus: Corpus,
  learner: Learner,
  display: Display,
  signal: AbortSignal,
  keep?: Keep,
): Promise<Summary> {
  const saved = keep?.read();
  const progress: Progress = saved ? progressOf(saved, config) : { done: [] };
  const results: RunResult[] = [...progress.done];
  for (const method of config.methods.slice(results.length)) {
    if (signal.aborted) break;
    const { underway } = progress;
    const from = saved && underway?.method === method ? { saved, underway } : undefined;
    results.push(await runMethod({ config, corpus, learner, display, signal, keep, done: [...results] }, method, from));
    if (!signal.aborted) keep?.write(betweenMethods(config, { done: results }));
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

/** What a method runs in. */
interface Surroundings {
  readonly config: Config;
  readonly corpus: Corpus;
  readonly learner: Learner;
  readonly display: Display;
  readonly signal: AbortSignal;
  readonly keep: Keep | undefined;
  readonly done: readonly RunResult[];
}
async function runMethod(
  { config, corpus, learner, display, signal, keep, done }: Surroundings,
  method: Method,
  from?: { readonly saved: Uint8Array; readonly underway: Underway },
): Promise<RunResult> {
  const trainee = learner.start(method, from?.saved);
  if (from) display.note(`${methodTitle[method]} goes on after step ${from.underway.train.length}`);
  const progress = display.start(method);
  const train: TrainPoint[] = [...(from?.underway.train ?? [])];
  const validation: ValidationPoint[] = [...(from?.underway.validation ?? [])];
  const heldOut = fixedBatches(corpus.heldOut, config, validationBatches);
  const after1980 = fixedBatches(corpus.after1980, config, validationBatches);
  const first = train.length + 1; // compiles
  let ms = from?.underway.ms ?? 0,
    timed = from?.underway.timed ?? 0;
  const evaluate = async (step: number): Promise<void> => {
    if (signal.aborted || !isEvaluated(step, config.steps) || validation.at(-1)?.step === step) return;
    validation.push({ step, heldOut: await meanLoss(trainee, heldOut), after1980: await meanLoss(trainee, after1980) });
  };
  try {
    await evaluate(train.length); // an interrupt may have come between a step and its evaluation
    for (let step = first; step <= config.steps && !signal.aborted; step++) {
      const begin = performance.now();
      const loss = await trainee.step(trainBatch(corpus.train, config, { seed: config.seed, step }), step);
      if (step > first) {
        ms += performance.now() - begin;
        timed++;
      }
      train.push({ step, loss });
      progress.update(step, loss);
      await setImmediate(); // lets an interrupt in: compiled programs run without returning to the event loop
      await evaluate(step);
      if (keep && (signal.aborted || step % keep.every === 0))
        keep.write(await trainee.save(noteOf(config, { done, underway: { method, train, validation, ms, timed } })));
    }
    progress.stop();
    const measured = signal.aborted ? undefined : await trainee.sharpness(trainBatch(corpus.train, config, { seed: config.seed, step: 0 })); // step 0: no step trains on it
    await setImmediate();
    const sample = signal.aborted || config.sample === "" ? undefined : await continuePrompt(config.sample, corpus.tokenizer, trainee);
    if (sample !== undefined) display.note(`${methodTitle[method]} writes: ${sample.trimEnd()}`);
    return { method, train, validation, sharpness: measured, msPerStep: timed > 0 ? ms / timed : undefined, sample };
  } finally {
    progress.stop();
    trainee.dispose();
  }
}

/** Six evaluations in a run, evenly spaced, the last after the last step (fewer if there are fewer steps). */
function isEvaluated(step: number, steps: number): boolean {
  return step > 0 && Math.floor((step * 6) / steps) > Math.floor(((step - 1) * 6) / steps);
}

async function meanLoss(trainee: Trainee, batches: readonly Batch[]): Promise<number> {
  let sum = 0;
  for (const batch of batches) sum += await trainee.evaluate(batch);
  return sum / batches.length;
}

async function continuePrompt(prompt: string, tokenizer: Tokenizer, trainee: Trainee): Promise<string> {
  return prompt + decode(tokenizer, await trainee.sample(encode(tokenizer, prompt)));
}
