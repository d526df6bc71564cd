// The child's side of a column: one JSON request a line in, one JSON answer a line out. It times, and knows nothing of rows, repeats or other columns.
import { createInterface } from "node:readline";
import type { Work } from "../work.ts";

/** A piece of work made ready: compiled, run once or more, its inputs in place. */
export interface Job {
  /** A number that every column must agree on; undefined when there is none. */
  readonly check: number | undefined;
  /** Dispatches of one evaluation, where the work is a GPU's. */
  readonly kernels?: number;
  /** Evaluate `times` times, each to the end. Milliseconds for one, or MiB. */
  sample(times: number): number | Promise<number>;
  release(): void;
}

/** A library under test. */
export interface Peer {
  /** Name and version, as the table should say. */
  readonly title: string;
  /** @throws Unsupported when the library lacks what the work needs */
  prepare(work: Work): Job | Promise<Job>;
}

/** The library has no way to do this work. */
export class Unsupported extends Error {}

/** What the parent asks. */
export type Request =
  | { readonly kind: "prepare"; readonly work: Work }
  | { readonly kind: "sample"; readonly times: number }
  | { readonly kind: "release" };
/** What the child answers. `hello` comes first and once. */
export type Reply =
  | { readonly kind: "hello"; readonly title: string }
  | { readonly kind: "prepared"; readonly check?: number; readonly kernels?: number }
  | { readonly kind: "sampled"; readonly value: number }
  | { readonly kind: "released" }
  | { readonly kind: "unsupported"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string };

/** Milliseconds for one of `times` calls of `run`, which is finished when it returns. */
export function timed(times: number, run: () => void): number {
  const begin = performance.now();
  for (let i = 0; i < times; i++) run();
  return (performance.now() - begin) / times;
}

/** Milliseconds for one of `times` calls of `run`, which is finished when its promise is. */
export async function timedAsync(times: number, run: () => Promise<void>): Promise<number> {
  const begin = performance.now();
  for (let i = 0; i < times; i++) await run();
  return (performance.now() - begin) / times;
}

/** Sum of squares: the usual check of a result, the same however a column splits it into arrays. */
export function sumOfSquares(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] ?? 0) ** 2;
  return sum;
}

/** Answers requests until the input ends. Whatever a library prints goes to standard error. */
export async function serve(peer: Peer): Promise<void> {
  console.log = console.error;
  console.info = console.error;
  console.warn = console.error;
  const say = (reply: Reply): void => {
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  };
  say({ kind: "hello", title: peer.title });
  let job: Job | undefined;
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      const request = JSON.parse(line) as Request; // the parent is this repository's own child.ts
      switch (request.kind) {
        case "prepare": {
          job = await peer.prepare(request.work);
          say({
            kind: "prepared",
            ...(job.check === undefined ? {} : { check: job.check }),
            ...(job.kernels === undefined ? {} : { kernels: job.kernels }),
          });
          break;
        }
        case "sample": {
          if (!job) throw new Error("nothing is prepared");
          say({ kind: "sampled", value: await job.sample(request.times) });
          break;
        }
        case "release": {
          job?.release();
          job = undefined;
          say({ kind: "released" });
          break;
        }
        default:
          request satisfies never;
      }
    } catch (error) {
      say(
        error instanceof Unsupported
          ? { kind: "unsupported", reason: error.message }
          : { kind: "failed", reason: error instanceof Error ? error.message : String(error) },
      );
    }
  }
}
