// How much memory a piece of work takes beyond what the process held before it: resident pages, so that runtimes of every kind compare. Linux only.
import { readFileSync, writeFileSync } from "node:fs";
import { Unsupported } from "./serve.ts";

/** Resident memory now and its peak since the last reset, bytes. */
function resident(): { now: number; peak: number } {
  const status = readFileSync("/proc/self/status", "utf8");
  const kib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? NaN);
  return { now: kib("VmRSS") * 1024, peak: kib("VmHWM") * 1024 };
}

/** Sizes of the small matrices on which the measured program runs first, so that compilers and heaps have grown to what they need. */
export const rehearsals: readonly number[] = [64, 96, 128];

/** MiB by which resident memory rose, at its peak, while `run` ran. @throws Unsupported where the system does not tell */
export async function peakOf(run: () => void | Promise<void>): Promise<number> {
  globalThis.gc?.(); // what earlier work left behind would hide as much of the rise
  try {
    writeFileSync("/proc/self/clear_refs", "5"); // resets the peak to the present
  } catch {
    throw new Unsupported("peak memory is read from /proc/self, which this system lacks");
  }
  const before = resident();
  await run();
  return Math.max(0, resident().peak - before.now) / 2 ** 20;
}
