// Runs a Node program in a process group of its own and collects what it prints. A group, because a test may start workers
// and children, and a timeout or a Ctrl-C must leave none behind. It judges nothing.
import { spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";
import type { Ending } from "./totals.ts";

/** What a process printed, in order, and on standard output alone; how it ended; for how long it ran. */
export interface Finished {
  readonly output: string;
  readonly stdout: string;
  readonly ending: Ending;
  readonly seconds: number;
}

/** A program: Node's own arguments first, then the script and its arguments. */
export interface Program {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly timeout: number;
}

const running = new Set<number>(); // the process groups alive now: what killAll ends

/** Kills every process that `runNode` has started and that still runs. */
export function killAll(): void {
  for (const group of running) killGroup(group);
}

/** Runs `node ...argv` with no standard input; colours are asked off, and taken off where a program insists; `timeout` is in seconds. Resolves in every case, also when the process cannot start. */
export function runNode({ argv, cwd, timeout }: Program): Promise<Finished> {
  const start = performance.now();
  const { FORCE_COLOR: _, ...env } = process.env;
  const child = spawn(process.execPath, argv, { cwd, env: { ...env, NO_COLOR: "1" }, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const group = child.pid;
  if (group !== undefined) running.add(group);
  let output = "",
    stdout = "",
    late = false;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const timer = setTimeout(() => {
    late = true;
    if (group !== undefined) killGroup(group);
  }, timeout * 1000);
  return new Promise(resolve => {
    const finish = (ending: Ending): void => {
      clearTimeout(timer);
      if (group !== undefined) running.delete(group);
      resolve({
        output: stripVTControlCharacters(output),
        stdout: stripVTControlCharacters(stdout),
        ending,
        seconds: (performance.now() - start) / 1000,
      });
    };
    child.on("error", error => {
      output += `${error.message}\n`;
      finish({ kind: "exit", code: 127 });
    });
    child.on("exit", () => {
      if (group !== undefined) killGroup(group);
    }); // what it left running would hold the pipes open
    child.on("close", (code, signal) => {
      if (late) finish({ kind: "timeout", seconds: timeout });
      else finish(signal === null ? { kind: "exit", code: code ?? 1 } : { kind: "signal", signal });
    });
  });
}

/** Runs `task` over `items`, at most `workers` at a time, starting in order. */
export async function pool<T>(items: readonly T[], workers: number, task: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values(); // one iterator for all workers: each takes the next item
  await Promise.all(
    Array.from({ length: Math.max(1, workers) }, async () => {
      for (const item of queue) await task(item);
    }),
  );
}

function killGroup(group: number): void {
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    /* it has ended already */
  }
}
