// The runs of the page: every method from one start over the same batches, in turns. It keeps its state on the host every so many steps, and goes back to that when the device is
// lost. It knows nothing of the document; whoever watches gets a snapshot after each turn.
import { fixedBatches, trainBatch, type Batch } from "../09-gpt/batches.ts";
import { methodTitle, type Config, type Method, type Sharpness, type TrainPoint } from "../09-gpt/config.ts";
import type { Learner, Trainee } from "../09-gpt/experiment.ts";
import { buildTokenizer, decode, encode, type Tokenizer } from "../09-gpt/tokenizer.ts";
import { createLearner } from "../09-gpt/train.ts";

/** One method so far. Losses are nats a character. */
export interface Run {
  readonly method: Method;
  readonly title: string;
  readonly train: readonly TrainPoint[];
  readonly heldOut: readonly TrainPoint[];
  readonly sharpness: Sharpness | undefined;
  readonly sample: string;
  readonly msPerStep: number;
}
/** All of them, after `step` steps of each. */
export interface Snapshot {
  readonly step: number;
  readonly runs: readonly Run[];
  readonly tokensPerSecond: number;
}
/** How often, in steps, the slower things are looked at, and after the last step; 0 is never. `keep`: the state on the host. */
export interface Every {
  readonly keep: number;
  readonly validation: number;
  readonly sample: number;
  readonly sharpness: number;
}

interface Lane {
  readonly method: Method;
  trainee: Trainee;
  readonly train: TrainPoint[];
  readonly heldOut: TrainPoint[];
  sharpness: Sharpness | undefined;
  sample: string;
  ms: number;
}
/** All that another device needs to go on after `step`: of each method parameters and optimizer state as a file, and what was last found out. */
interface Kept {
  readonly step: number;
  readonly busy: number;
  readonly lanes: readonly (Pick<Lane, "sharpness" | "sample"> & { readonly file: Uint8Array | undefined })[];
}

/** Training that can be paused. One at a time; `end` gives all its memory back. */
export class Session {
  readonly config: Config;
  readonly parameters: number;
  private readonly every: Every;
  private readonly tokenizer: Tokenizer;
  private readonly tokens: Int32Array;
  private readonly validation: readonly Batch[];
  private readonly lanes: readonly Lane[];
  private readonly watch: (s: Snapshot) => void;
  private kept: Kept;
  private step = 0;
  private compiled = false;
  private busy = 0;
  private going = false;
  private turn: Promise<void> = Promise.resolve();

  constructor(config: Config, texts: { readonly train: string; readonly heldOut: string }, every: Every, watch: (s: Snapshot) => void) {
    this.config = config;
    this.every = every;
    this.watch = watch;
    this.tokenizer = buildTokenizer(texts.train);
    this.tokens = encode(this.tokenizer, texts.train);
    this.validation = fixedBatches(encode(this.tokenizer, texts.heldOut), config, 2);
    const learner = this.learner();
    this.parameters = learner.parameters;
    this.lanes = config.methods.map(method => ({
      method,
      trainee: learner.start(method),
      train: [],
      heldOut: [],
      sharpness: undefined,
      sample: "",
      ms: 0,
    }));
    this.kept = { step: 0, busy: 0, lanes: this.lanes.map(() => ({ sharpness: undefined, sample: "", file: undefined })) };
  }
  get running(): boolean {
    return this.going;
  }
  get vocabulary(): number {
    return this.tokenizer.symbols.length;
  }
  /** Steps done. */
  get steps(): number {
    return this.step;
  }

  /** Train until `pause` or the last step. Rejects with whatever a step throws. */
  run(): Promise<void> {
    if (this.going) return this.turn;
    this.going = true;
    return (this.turn = this.loop());
  }
  /** Stop after the step under way. */
  async pause(): Promise<void> {
    this.going = false;
    await this.turn.catch(() => undefined); // whoever called run has it
  }
  /** Stop, and release the parameters and states. */
  async end(): Promise<void> {
    await this.pause();
    for (const lane of this.lanes) lane.trainee.dispose();
  }

  /** Go back to the state kept last, on the default device of now: what comes after it is trained again, on the same curve. Not while it runs. Gives that state's step. */
  restore(): number {
    const { kept } = this,
      learner = this.learner();
    this.lanes.forEach((lane, i) => {
      const { file, sharpness, sample } = kept.lanes[i] as Kept["lanes"][number]; // one for each lane
      lane.trainee.dispose();
      Object.assign(lane, { trainee: learner.start(lane.method, file), sharpness, sample });
      for (const line of [lane.train, lane.heldOut]) line.splice(line.findLastIndex(p => p.step <= kept.step) + 1);
    });
    this.step = kept.step;
    this.busy = kept.busy;
    this.compiled = false;
    this.watch(this.snapshot());
    return kept.step;
  }

  private learner(): Learner {
    return createLearner(this.config, this.tokenizer.symbols.length);
  }
  private async keep(): Promise<void> {
    const { step, busy } = this,
      lanes: Kept["lanes"][number][] = [];
    for (const { trainee, sharpness, sample } of this.lanes) lanes.push({ sharpness, sample, file: await trainee.save({}) });
    this.kept = { step, busy, lanes };
  }
  private async loop(): Promise<void> {
    try {
      while (this.going && this.step < this.config.steps) {
        this.step++;
        const batch = trainBatch(this.tokens, this.config, { seed: this.config.seed, step: this.step });
        for (const lane of this.lanes) await this.advance(lane, batch);
        this.compiled = true;
        if (this.due(this.every.keep)) await this.keep();
        this.watch(this.snapshot());
        await new Promise(resolve => setTimeout(resolve)); // the page draws and hears clicks
      }
    } finally {
      this.going = false;
    }
  }
  private async advance(lane: Lane, batch: Batch): Promise<void> {
    const { step, every } = this,
      begin = performance.now();
    lane.train.push({ step, loss: await lane.trainee.step(batch, step) });
    lane.ms = this.compiled ? performance.now() - begin : 0; // the first step compiles
    this.busy += lane.ms;
    if (this.due(every.validation)) {
      let sum = 0;
      for (const b of this.validation) sum += await lane.trainee.evaluate(b);
      lane.heldOut.push({ step, loss: sum / this.validation.length });
    }
    if (this.due(every.sample)) {
      const prompt = this.config.sample;
      lane.sample = prompt + decode(this.tokenizer, await lane.trainee.sample(encode(this.tokenizer, prompt)));
    }
    if (this.due(every.sharpness))
      lane.sharpness = await lane.trainee.sharpness(trainBatch(this.tokens, this.config, { seed: this.config.seed, step: 0 })); // no step trains on batch 0
  }
  private due(n: number): boolean {
    return n > 0 && (this.step % n === 0 || this.step === this.config.steps);
  }
  private snapshot(): Snapshot {
    const trained = Math.max(0, this.step - 1) * this.lanes.length * this.config.batch * this.config.context;
    return {
      step: this.step,
      tokensPerSecond: this.busy > 0 ? (1000 * trained) / this.busy : 0,
      runs: this.lanes.map(({ method, train, heldOut, sharpness, sample, ms }) => ({
        method,
        title: methodTitle[method],
        train: [...train],
        heldOut: [...heldOut],
        sharpness,
        sample,
        msPerStep: ms,
      })),
    };
  }
}
