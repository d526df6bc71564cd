// Measures one row over all columns, turn about: first everyone gets ready and warm, then each round takes one sample of each. So what the
// machine does meanwhile (its clock, its neighbours) hits every column alike. It never decides what a figure means.
import type { Reply } from "../peers/serve.ts";
import type { Work } from "../work.ts";
import type { Cell, Contender } from "./contender.ts";
import { median, quantile } from "./statistics.ts";

/** How long to take. Milliseconds, for each column in a row. */
export interface Limits {
  /** Rounds at most. */
  readonly rounds: number;
  /** Time spent in samples, about. */
  readonly cell: number;
  /** Time spent before the first sample, about: compilers tier up, caches and clocks settle. */
  readonly warm: number;
  /** A sample repeats the work until it takes as long as this. */
  readonly sample: number;
}

/** One row's task. `fresh` rows measure the first evaluation of a new process, `rounds` times. */
export interface Task {
  readonly work: Work;
  readonly fresh: boolean;
}

type Ready = {
  readonly contender: Contender;
  readonly times: number;
  readonly rounds: number;
  readonly check: number | undefined;
  readonly kernels?: number | undefined;
  readonly samples: number[];
};

/** A cell for each contender, in order. A column that fails drops out of the row; the others go on. */
export async function measure(task: Task, contenders: readonly Contender[], limits: Limits): Promise<Cell[]> {
  const cells = new Map<Contender, Cell>();
  const attempt = async (contender: Contender, action: () => Promise<void>): Promise<void> => {
    try {
      await action();
    } catch (error) {
      contender.restart();
      cells.set(
        contender,
        error instanceof Declined ? error.cell : { kind: "failed", reason: error instanceof Error ? error.message : String(error) },
      );
    }
  };
  const ready: Ready[] = [];
  for (const contender of contenders) {
    await attempt(contender, async () => {
      ready.push(
        task.fresh
          ? { contender, times: 1, rounds: limits.rounds, check: undefined, samples: [] }
          : await warm(contender, task.work, limits),
      );
    });
  }
  for (let round = 0; round < limits.rounds; round++) {
    for (const entry of round % 2 === 0 ? ready : ready.toReversed()) {
      if (round >= entry.rounds || cells.has(entry.contender)) continue;
      await attempt(entry.contender, async () => {
        if (task.fresh) {
          entry.contender.restart();
          await prepare(entry.contender, task.work);
        }
        entry.samples.push(await sample(entry.contender, entry.times));
      });
    }
  }
  for (const { contender, samples, check, kernels } of ready) {
    if (cells.has(contender)) continue;
    cells.set(contender, {
      kind: "measured",
      median: median(samples),
      low: quantile(samples, 0.25),
      high: quantile(samples, 0.75),
      samples: samples.length,
      check,
      kernels,
    });
    await attempt(contender, async () => {
      accept(await contender.ask({ kind: "release" }), "released");
    });
    if (task.fresh) contender.restart();
  }
  return contenders.map(contender => cells.get(contender) ?? { kind: "skipped" });
}

/** Prepares, evaluates for a while, and decides how many evaluations make a sample and how many samples there is time for. */
async function warm(contender: Contender, work: Work, limits: Limits): Promise<Ready> {
  const { check, kernels } = await prepare(contender, work);
  const deadline = performance.now() + limits.warm;
  let times = 1,
    each: number;
  do {
    each = await sample(contender, times);
    times = Math.max(1, Math.min(Math.ceil(limits.sample / Math.max(each, 1e-6)), 100_000));
  } while (performance.now() < deadline);
  const rounds = Math.max(1, Math.min(limits.rounds, Math.floor(limits.cell / (each * times))));
  return { contender, times, rounds, check, kernels, samples: [] };
}

async function prepare(contender: Contender, work: Work): Promise<Extract<Reply, { kind: "prepared" }>> {
  return accept(await contender.ask({ kind: "prepare", work }), "prepared");
}
async function sample(contender: Contender, times: number): Promise<number> {
  return accept(await contender.ask({ kind: "sample", times }), "sampled").value;
}

/** The contender said no, and the cell says why. */
class Declined extends Error {
  readonly cell: Cell;
  constructor(cell: Cell) {
    super("declined");
    this.cell = cell;
  }
}

function accept<K extends Reply["kind"]>(reply: Reply, kind: K): Extract<Reply, { kind: K }> {
  if (reply.kind === kind) return reply as Extract<Reply, { kind: K }>; // just compared
  if (reply.kind === "unsupported" || reply.kind === "failed") throw new Declined(reply);
  throw new Declined({ kind: "failed", reason: `answered "${reply.kind}" instead of "${kind}"` });
}
