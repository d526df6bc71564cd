// The columns: who takes part, and how each is started. One-thread columns stay on one core, since some libraries start threads whatever they are told.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Command } from "../harness/child.ts";
import { onOneCore } from "../harness/machine.ts";
import { install } from "./install.ts";
import { findPython, type Python } from "./python.ts";
import type { NpmPeer } from "./versions.ts";

/** A column that can be started, or the reason why not. */
export interface Column {
  readonly id: string;
  readonly title: string;
  readonly threads: 1 | 2;
  command(node: string): Command | string;
}

/** The columns that run when nobody says. */
export const usual: readonly string[] = ["pullback", "pullback2", "jax-js", "tfjs", "jax", "torch"];

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
/** `file` pinned to a core if it is to have one thread. */
function pinned(threads: 1 | 2, file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Command {
  const [wrapper, ...rest] = threads === 1 ? onOneCore() : [];
  return wrapper === undefined ? { file, args, env } : { file: wrapper, args: [...rest, file, ...args], env };
}
/** A JavaScript peer, installed and driven by a program of this folder. */
const peer = (name: NpmPeer, node: string, file: string, flags: readonly string[] = []): Command | string =>
  install(name) ?? pinned(1, node, [...flags, "--expose-gc", ...process.execArgv, path(file)]);

let built: { readonly failure: string | undefined } | undefined; // building takes seconds, so once
/** pullback as it is published: dist/ is built first, and "pullback" is that and not the sources. */
function subject(threads: 1 | 2, node: string, args: readonly string[]): Command | string {
  if (!built) {
    const build = spawnSync(process.execPath, [path("../../scripts/build.mjs")], { encoding: "utf8" });
    built = { failure: build.status === 0 ? undefined : `it could not be built: ${(build.stdout + build.stderr).trim()}` };
  }
  const flags = process.execArgv.filter(flag => flag !== "--conditions=source");
  return built.failure ?? pinned(threads, node, ["--expose-gc", ...flags, path("../rows/main.ts"), ...args]);
}

let python: Python | undefined; // looking for it runs it, so once
function pythonProgram(threads: 1 | 2, module: "jax" | "torch"): Command | string {
  python ??= findPython();
  return (
    python.lacks(module) ??
    pinned(threads, python.file, [path(`python/${module}_peer.py`)], {
      PYTHONDONTWRITEBYTECODE: "1",
      OMP_NUM_THREADS: String(threads),
      MKL_NUM_THREADS: String(threads),
      JAX_PLATFORMS: "cpu",
      ...(threads === 1 ? { XLA_FLAGS: "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1" } : {}),
    })
  );
}

/** Every column there is. */
export const columns: readonly Column[] = [
  { id: "pullback", title: "pullback", threads: 1, command: node => subject(1, node, ["1"]) },
  { id: "pullback2", title: "pullback, 2 threads", threads: 2, command: node => subject(2, node, ["2"]) },
  // Without the pairing of vectors to 256 bits that the others use where it pays (Node 24 and later).
  { id: "narrow", title: "pullback, 128-bit", threads: 1, command: node => subject(1, node, ["1", "narrow"]) },
  // jax-js's einsum maps over an iterator, which Node has from 22 on and Node 20 under this flag.
  { id: "jax-js", title: "jax-js", threads: 1, command: node => peer("jax-js", node, "jaxjs/main.ts", ["--harmony-iterator-helpers"]) },
  { id: "tfjs", title: "tfjs-wasm", threads: 1, command: node => peer("tfjs", node, "tfjs/main.ts") },
  { id: "jax", title: "JAX", threads: 1, command: () => pythonProgram(1, "jax") },
  { id: "torch", title: "torch", threads: 1, command: () => pythonProgram(1, "torch") },
  { id: "jax2", title: "JAX, 2 threads", threads: 2, command: () => pythonProgram(2, "jax") },
  { id: "torch2", title: "torch, 2 threads", threads: 2, command: () => pythonProgram(2, "torch") },
];
