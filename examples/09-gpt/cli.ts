// The command line: argv to a checked `Config`, or a message that names the flag, the value and what is allowed.
// Splitting argv is node:util's work; this file only gives each flag its meaning. It prints nothing and exits nowhere.
import { parseArgs } from "node:util";
import { defaults, devices, methods, type Config, type DeviceKind, type Method } from "./config.ts";

/** What the user asked for. */
export type Command = { readonly kind: "help"; readonly text: string } | { readonly kind: "train"; readonly config: Config };

/** The command line makes no sense; the program should print the message and exit with code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

/** Reads one flag's value, or says what is allowed in its place. */
type Reader<T> = (value: string) => { readonly value: T } | { readonly allowed: string };
interface Flag<T> {
  readonly placeholder: string;
  readonly about: string;
  readonly read: Reader<T>;
}
type Flags = { readonly [K in keyof Config]: Flag<Config[K]> };

const flags: Flags = {
  steps: { placeholder: "N", about: "optimizer steps of each method", read: integer(1, 1_000_000) },
  layers: { placeholder: "N", about: "decoder blocks", read: integer(1, 64) },
  dim: { placeholder: "N", about: "width of the model, a multiple of --heads", read: integer(1, 4096) },
  heads: { placeholder: "N", about: "attention heads", read: integer(1, 256) },
  context: { placeholder: "N", about: "characters the model sees at once", read: integer(1, 4096) },
  batch: { placeholder: "N", about: "sequences in a batch", read: integer(1, 4096) },
  lr: { placeholder: "X", about: "peak learning rate", read: real({ above: 0, upTo: 1 }) },
  rho: { placeholder: "X", about: "radius of SAM's perturbation", read: real({ from: 0, upTo: 100 }) },
  seed: { placeholder: "N", about: "decides parameters, batches and the sample", read: integer(0, 0xffffffff) },
  methods: { placeholder: "LIST", about: `some of ${methods.join(",")}`, read: readMethods },
  device: { placeholder: "NAME", about: `where programs run: ${devices.join(", ")}`, read: readDevice },
  out: { placeholder: "FILE", about: "the HTML report", read: value => (value === "" ? { allowed: "a file name" } : { value }) },
  checkpoint: {
    placeholder: "FILE",
    about: "go on from this file where it exists, and keep the run in it; empty for none",
    read: value => ({ value }),
  },
  checkpointEvery: { placeholder: "N", about: "steps from one checkpoint to the next", read: integer(1, 1_000_000) },
  sample: { placeholder: "TEXT", about: "prompt that each trained model continues; empty for none", read: value => ({ value }) },
  sampleLength: { placeholder: "N", about: "characters to write after the prompt", read: integer(1, 100_000) },
  temperature: { placeholder: "X", about: "softmax temperature of the sample, 0 for the likeliest", read: real({ from: 0, upTo: 100 }) },
};

/** Parses the arguments after the program's name; later flags override earlier ones.
 *  @throws UsageError on an unknown flag, a missing or bad value, or values that do not fit together */
export function parseCli(argv: readonly string[]): Command {
  const options = Object.fromEntries(names().map(name => [flagName(name), { type: "string" } as const]));
  // strict mode would report mistakes in its own words, without saying what is allowed; the tokens let this file say it
  const { tokens } = parseArgs({
    args: [...argv],
    options: { ...options, help: { type: "boolean", short: "h" } },
    strict: false,
    tokens: true,
  });
  let config: Config = defaults;
  for (const token of tokens) {
    if (token.kind === "positional") throw new UsageError(`${token.value}: arguments are given by flags; see --help`);
    if (token.kind === "option-terminator") continue;
    if (token.name === "help") return { kind: "help", text: help() };
    const key = names().find(name => flagName(name) === token.name);
    if (key === undefined) throw new UsageError(`${token.rawName}: no such flag; see --help`);
    config = withFlag(config, key, token.value);
  }
  return { kind: "train", config: checkTogether(config) };
}

/** The page of `--help`. */
export function help(): string {
  const rows = names().map(key => [`--${flagName(key)} ${flags[key].placeholder}`, flags[key].about, show(defaults[key])] as const);
  const width = Math.max(...rows.map(([flag]) => flag.length));
  return [
    "Trains a small GPT on the State of the Union speeches with AdamW, SAM, Functional-SAM and",
    "preconditioned Functional-SAM: same seed, same batches, equal steps. Ctrl-C stops and still reports.",
    "",
    "usage: npm start -- [flags]",
    "",
    ...rows.map(([flag, about, byDefault]) => `  ${flag.padEnd(width)}  ${about} (default: ${byDefault})`),
    `  ${"--help".padEnd(width)}  this page`,
    "",
  ].join("\n");
}

function withFlag<K extends keyof Config>(config: Config, key: K, value: string | undefined): Config {
  const flag: Flag<Config[K]> = flags[key];
  if (value === undefined) throw new UsageError(`--${flagName(key)}: needs a value, as in --${flagName(key)} ${flag.placeholder}`);
  const result = flag.read(value);
  if ("allowed" in result) throw new UsageError(`--${flagName(key)} ${quote(value)}: must be ${result.allowed}`);
  return { ...config, [key]: result.value };
}

function checkTogether(config: Config): Config {
  const { dim, heads } = config;
  if (dim % heads !== 0) {
    const below = Math.floor(dim / heads) * heads;
    const near = below === 0 ? `${heads}` : `${below} or ${below + heads}`;
    throw new UsageError(`--dim ${dim}: must be a multiple of --heads ${heads}, for example ${near}`);
  }
  return config;
}

function integer(least: number, most: number): Reader<number> {
  return text => {
    const value = Number(text);
    return /^[+-]?\d+$/.test(text) && value >= least && value <= most ? { value } : { allowed: `a whole number from ${least} to ${most}` };
  };
}

function real(range: { readonly upTo: number } & ({ readonly above: number } | { readonly from: number })): Reader<number> {
  const [inside, allowed] =
    "above" in range
      ? ([(x: number): boolean => x > range.above, `a number above ${range.above} and at most ${range.upTo}`] as const)
      : ([(x: number): boolean => x >= range.from, `a number from ${range.from} to ${range.upTo}`] as const);
  return text => {
    const value = Number(text);
    return text.trim() !== "" && inside(value) && value <= range.upTo ? { value } : { allowed };
  };
}

function readMethods(text: string): ReturnType<Reader<readonly Method[]>> {
  const allowed = `one or more of ${methods.join(", ")}, separated by commas, none twice`;
  const value: Method[] = [];
  for (const name of text.split(",").map(part => part.trim())) {
    const method = methods.find(m => m === name);
    if (method === undefined || value.includes(method)) return { allowed };
    value.push(method);
  }
  return { value };
}

function readDevice(text: string): ReturnType<Reader<DeviceKind>> {
  const value = devices.find(d => d === text);
  return value === undefined ? { allowed: `one of ${devices.join(", ")}` } : { value };
}

const names = (): readonly (keyof Config)[] => Object.keys(flags) as (keyof Config)[]; // `Flags` has exactly the keys of Config
const flagName = (key: string): string => key.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
const quote = (value: string): string => (/^[\w.,+-]+$/.test(value) ? value : JSON.stringify(value));
const show = (value: Config[keyof Config]): string =>
  typeof value === "object" ? value.join(",") : typeof value === "string" ? quote(value) : String(value);
