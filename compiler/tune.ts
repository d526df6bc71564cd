// Chooses between ways to cut a kernel by measuring them, on devices whose user asked for that. All ways give the same bits, so a program may be called before the answers are there, and be exchanged for a better one
// later. Nothing here has a clock: devices measure. A way that cannot be compiled or run is dropped; if nothing can be measured the first way stays, and is asked about again next time.
import type { Artifact } from "../runtime/artifact.ts";
import type { Device, DeviceArray, Executable } from "../runtime/device.ts";
import { byteSize, hostArray, type DType, type HostArray } from "../runtime/dtype.ts";
import type { Tuning } from "../runtime/tuning/tuning.ts";
import { emitSchedule } from "./compile.ts";
import type { Schedule, Slot, SlotRef } from "./ir/schedule.ts";
import type { Choice, Choose } from "./lower/tile/product/choice.ts";

/** Raised when kernels change under the same names: old answers are then to other questions. */
const VERSION = 1;
/** Most memory of a measured product: more is taken from the program that is waiting. */
const MOST_BYTES = 2 ** 29;
/** A sample lasts so long, or is of so many runs; samples are taken in rounds, every way in turn, until so much time has been measured. */
const SAMPLE_MS = 2,
  MOST_RUNS = 64,
  ROUNDS = 5,
  BUDGET_MS = 1000;
/** Ways that take so many times as long as the best are dropped: after the first run, which finds the device cold, and after later ones. The first way keeps its place against gains of less than this share. */
const HOPELESS_COLD = 4,
  HOPELESS = 1.5,
  WORTH = 0.02;

/** A wish for the mean time of so many runs of a way, in milliseconds; undefined for an answer is that there is none. */
export interface Sample {
  readonly name: string;
  readonly times: number;
}
/** The fastest of some ways, the likely best first; undefined when none could be measured. */
export function* fastest(names: readonly string[]): Generator<Sample, string | undefined, number | undefined> {
  const taken = new Map<string, number[]>(),
    runs = new Map<string, number>(),
    cold = new Map<string, number>();
  let spent = 0;
  for (const name of names) {
    const ms = yield { name, times: 1 };
    if (ms === undefined) continue;
    spent += ms;
    cold.set(name, ms);
    runs.set(name, Math.max(1, Math.min(MOST_RUNS, Math.ceil(SAMPLE_MS / Math.max(ms, 1e-3)))));
  }
  const least = Math.min(...cold.values());
  for (const [name, ms] of cold) if (ms <= HOPELESS_COLD * least) taken.set(name, []);
  for (let round = 0; round < ROUNDS && taken.size > 1 && spent < BUDGET_MS; round++) {
    for (const [name, samples] of [...taken]) {
      const times = runs.get(name) ?? 1,
        ms = yield { name, times };
      if (ms === undefined) taken.delete(name);
      else {
        samples.push(ms);
        spent += ms * times;
      }
    }
    const best = Math.min(...[...taken.values()].map(median));
    for (const [name, samples] of [...taken]) if (median(samples) > HOPELESS * best) taken.delete(name);
  }
  const [first] = names,
    times = [...taken].map(([name, samples]) => ({ name, ms: samples.length > 0 ? median(samples) : (cold.get(name) ?? Infinity) })),
    best = times.reduce<{ readonly name: string; readonly ms: number } | undefined>((x, y) => (x && x.ms <= y.ms ? x : y), undefined),
    usual = times.find(t => t.name === first);
  return best && usual && usual.ms * (1 - WORTH) <= best.ms ? usual.name : best?.name;
}
function median(xs: readonly number[]): number {
  const sorted = [...xs].sort((x, y) => x - y);
  return sorted[sorted.length >> 1] ?? Infinity;
}

const underway = new WeakMap<Device, Promise<void>>(); // what each device is measuring, one after another
/** Until every kernel is measured that a program on `device` has asked about so far. From the next call on they use the answers. */
export const tuned = async (device: Device): Promise<void> => await underway.get(device);

/** The program that `build` makes with the answers known. Where some are missing: measured first on a device that may wait; else afterwards, and `replace` is given the better program. */
export function loadTuned(
  device: Device,
  tuning: Tuning,
  build: (choose: Choose) => Artifact,
  replace: (exe: Executable) => void,
): Executable {
  const asked = new Map<string, Choice>(),
    choose: Choose = c => {
      const question = questionOf(c),
        answer = tuning.choices.get(question);
      if (answer === undefined) asked.set(question, c);
      return answer;
    };
  const artifact = build(choose),
    questions = [...asked];
  if (questions.length === 0) return device.load(artifact);
  /** Is the program another now? */
  const differs = (): boolean => questions.some(([q, c]) => (tuning.choices.get(q) ?? c.names[0]) !== c.names[0]);
  if (device.mayWait) {
    for (const [question, choice] of questions) answerNow(device, tuning, question, choice);
    return device.load(differs() ? build(choose) : artifact);
  }
  const exe = device.load(artifact);
  const work = async (): Promise<void> => {
    for (const [question, choice] of questions) await answerLater(device, tuning, question, choice);
    if (differs()) replace(device.load(build(choose)));
  };
  underway.set(
    device,
    tuned(device)
      .then(work)
      .catch(() => {}),
  ); // a lost device: whoever uses it hears of that
  return exe;
}
/** The choice as it is remembered: all that the answer depends on but the device. */
export function questionOf({ key, names }: Choice): string {
  let hash = 2166136261;
  for (const c of names.join()) hash = Math.imul(hash ^ c.charCodeAt(0), 16777619);
  return `${key} [${names.length} ways, ${(hash >>> 0).toString(16)}, ${VERSION}]`;
}
function answerNow(device: Device, tuning: Tuning, question: string, choice: Choice): void {
  const trial = new Trial(device, tuning, choice);
  try {
    const search = fastest(choice.names);
    let step = search.next();
    while (step.done !== true) {
      const ms = trial.time(step.value);
      step = search.next(typeof ms === "number" ? ms : undefined);
    }
    if (step.value !== undefined) tuning.choices.set(question, step.value);
  } finally {
    trial.dispose();
  }
}
async function answerLater(device: Device, tuning: Tuning, question: string, choice: Choice): Promise<void> {
  if (tuning.choices.get(question) !== undefined) return; // another program has asked meanwhile
  const trial = new Trial(device, tuning, choice);
  try {
    const search = fastest(choice.names);
    let step = search.next();
    while (step.done !== true) {
      const ms = await Promise.resolve(trial.time(step.value)).catch(() => undefined);
      step = search.next(ms);
    }
    if (step.value !== undefined) tuning.choices.set(question, step.value);
  } finally {
    trial.dispose();
  }
}

/** The programs of one choice, each the product alone, on operands made up. */
class Trial {
  private readonly device: Device;
  private readonly tuning: Tuning;
  private readonly choice: Choice;
  private readonly programs = new Map<string, Executable>();
  private inputs: readonly DeviceArray[] | undefined;
  constructor(device: Device, tuning: Tuning, choice: Choice) {
    this.device = device;
    this.tuning = tuning;
    this.choice = choice;
  }
  /** Undefined, or a promise that rejects, for what cannot be measured. */
  time({ name, times }: Sample): number | Promise<number> | undefined {
    const { device, tuning, choice } = this,
      { product } = choice;
    if (product.params.reduce((n, p) => n + p.elements * byteSize(p.dtype), 0) > MOST_BYTES) return undefined;
    try {
      this.inputs ??= product.params.flatMap((p, i) =>
        p.access === "read" ? [device.upload(p.dtype, somewhat(p.dtype, p.elements + shiftOf(choice, i)))] : [],
      );
      let exe = this.programs.get(name);
      if (!exe) {
        const schedule = alone(choice, `${product.name}_way${choice.names.indexOf(name)}`);
        this.programs.set(name, (exe = device.load(emitSchedule(schedule, device.target, { choose: () => name }))));
      }
      return tuning.measure(exe, this.inputs, times);
    } catch {
      return undefined;
    }
  }
  dispose(): void {
    for (const exe of this.programs.values()) exe.dispose();
    for (const a of this.inputs ?? []) a.dispose();
  }
}
/** Elements in front of a parameter, so that it is aligned as in the program. */
function shiftOf({ product, alignments }: Choice, param: number): number {
  const size = byteSize(product.params[param]?.dtype ?? "f32"),
    aligned = alignments[param] ?? 1;
  return aligned >= 16 ? 0 : Math.ceil(aligned / size);
}
/** The product as a program: what it reads are inputs, what it writes are results. */
function alone(choice: Choice, name: string): Schedule {
  const counts = { input: 0, output: 0 };
  const slots = choice.product.params.map(({ dtype, elements, access }, id): Slot => {
    const kind = access === "read" ? "input" : "output";
    return { id, dtype, elements: elements + shiftOf(choice, id), home: { kind, index: counts[kind]++ } };
  });
  return {
    slots,
    steps: [
      {
        kind: "launch",
        kernel: { ...choice.product, name },
        args: slots.map((s): SlotRef => ({ slot: s.id, base: shiftOf(choice, s.id), terms: [] })),
      },
    ],
    inputs: counts.input,
    outputs: counts.output,
    arenaBytes: 0,
    forwarded: [],
    donated: [],
  };
}
/** Numbers that are not all zero: a card multiplies zeros faster. Whole numbers, which may be indices, are. */
function somewhat(dtype: DType, n: number): HostArray {
  const a = hostArray(dtype, n),
    pattern = Math.min(n, 4099);
  if (dtype !== "f32" && dtype !== "f64" && dtype !== "f16" && dtype !== "bf16") return a;
  const wide = dtype === "f32" || dtype === "f64",
    one = dtype === "f16" ? 0x3800 : 0x3f00,
    free = dtype === "f16" ? 0x83ff : 0x807f; // sign and fraction
  for (let i = 0; i < pattern; i++) a[i] = wide ? ((i * 7919) % 2048) / 1024 - 1 : one | ((i * 7919) & free);
  for (let at = pattern; at < n; at *= 2) a.copyWithin(at, 0, Math.min(at, n - at));
  return a;
}
