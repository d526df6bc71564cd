// What a run needs to go on after an interruption: one safetensors file. Its tensors are the parameters and the optimizer's state of the method under way; its metadata is
// everything else: the results so far, and the configuration that they belong to. Who writes the file, and when, is not known here.
import { decodeSafetensors, encodeSafetensors } from "pullback/io";
import type { Config, Method, RunResult, TrainPoint, ValidationPoint } from "./config.ts";

/** A method that is not finished. `ms` is the time of `timed` of its steps: those that compiled nothing. */
export interface Underway {
  readonly method: Method;
  readonly train: readonly TrainPoint[];
  readonly validation: readonly ValidationPoint[];
  readonly ms: number;
  readonly timed: number;
}
/** How far an experiment has come. */
export interface Progress {
  readonly done: readonly RunResult[];
  readonly underway?: Underway;
}
/** Where a checkpoint is kept: read once, at the start; written every `every` steps, after each method and at an interruption. */
export interface Keep {
  readonly every: number;
  read(): Uint8Array | undefined;
  write(bytes: Uint8Array): void;
}
/** The checkpoint belongs to another run. */
export class CheckpointError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "CheckpointError";
  }
}

const KEY = "gpt.progress";
/** What two runs must have in common for one to go on where the other stopped. */
const deciding = [
  "steps",
  "layers",
  "dim",
  "heads",
  "context",
  "batch",
  "lr",
  "rho",
  "seed",
  "methods",
] as const satisfies readonly (keyof Config)[];
type Note = Progress & { readonly config: Pick<Config, (typeof deciding)[number]> };

/** The metadata of a checkpoint. */
export function noteOf(config: Config, progress: Progress): Readonly<Record<string, string>> {
  const decided = Object.fromEntries(deciding.map(key => [key, config[key]])) as Note["config"]; // its keys and no others
  return { [KEY]: JSON.stringify({ ...progress, config: decided } satisfies Note, spell) };
}
/** A checkpoint between two methods: no tensors. */
export const betweenMethods = (config: Config, progress: Progress): Uint8Array =>
  encodeSafetensors({ tensors: new Map(), metadata: new Map(Object.entries(noteOf(config, progress))) });

/** How far the run came that wrote `bytes`. @throws CheckpointError when another configuration did; E0901 for a file that is torn or no safetensors file */
export function progressOf(bytes: Uint8Array, config: Config): Progress {
  const text = decodeSafetensors(bytes).metadata.get(KEY);
  if (text === undefined) throw new CheckpointError("it holds tensors, but not the progress of a run");
  const { config: then, ...progress } = JSON.parse(text, read) as Note; // written by noteOf: the file's checksum is right
  for (const key of deciding)
    if (JSON.stringify(then[key]) !== JSON.stringify(config[key]))
      throw new CheckpointError(`it belongs to a run with ${key} ${String(then[key])}, this one has ${String(config[key])}`);
  return progress;
}

/** JSON has no NaN and no infinities, and a diverging loss may be one. */
const spell = (_: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isFinite(value) ? { number: String(value) } : value;
const read = (_: string, value: unknown): unknown =>
  typeof value === "object" && value !== null && "number" in value ? Number(value.number) : value;
