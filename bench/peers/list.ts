// The columns: who takes part, and how each is started. One-thread columns stay on one core, since some libraries start threads whatever they are told.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Command } from "../harness/child.ts";
import { onOneCore } from "../harness/machine.ts";
import { install } from "./install.ts";
import { findPython, type Python } from "./python.ts";
import type { NpmPeer } from "./versions.ts";

/** A column that can be started, or the reason why not. `device`: where it computes. */
export interface Column {
  readonly id: string;
  readonly title: string;
  readonly device: "cpu" | "webgpu";
  readonly threads: 1 | 2;
  command(node: string): Command | string;
}

/** The columns that run when nobody says, by device. */
export const usual: Readonly<Record<Column["device"], readonly string[]>> = {
  cpu: ["pullback", "pullback2", "jax-js", "tfjs", "jax", "torch"],
  webgpu: ["pullback-webgpu", "jax-js-webgpu"],
};

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
/** `file` pinned to a core if it is to have one thread. */
function pinned(threads: 1 | 2, file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Command {
  const [wrapper, ...rest] = threads === 1 ? onOneCore() : [];
  return wrapper === undefined ? { file, args, env } : { file: wrapper, args: [...rest, file, ...args], env };
}
/** A JavaScript peer, installed and driven by a program of this folder. With arguments it computes elsewhere, and is not pinned. */
const peer = (name: NpmPeer, node: string, file: string, flags: readonly string[] = [], args: readonly string[] = []): Command | string =>
  install(name) ?? pinned(args.length > 0 ? 2 : 1, node, [...flags, "--expose-gc", ...process.execArgv, path(file), ...args]);

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

// jax-js's einsum maps over an iterator, which Node has from 22 on and Node 20 under this flag.
const iterators = ["--harmony-iterator-helpers"];

/** Every column there is. */
export const columns: readonly Column[] = [
  { id: "pullback", title: "pullback", device: "cpu", threads: 1, command: node => subject(1, node, ["1"]) },
  { id: "pullback2", title: "pullback, 2 threads", device: "cpu", threads: 2, command: node => subject(2, node, ["2"]) },
  // Without the pairing of vectors to 256 bits that the others use where it pays (Node 24 and later).
  { id: "narrow", title: "pullback, 128-bit", device: "cpu", threads: 1, command: node => subject(1, node, ["1", "narrow"]) },
  { id: "jax-js", title: "jax-js", device: "cpu", threads: 1, command: node => peer("jax-js", node, "jaxjs/main.ts", iterators) },
  { id: "tfjs", title: "tfjs-wasm", device: "cpu", threads: 1, command: node => peer("tfjs", node, "tfjs/main.ts") },
  { id: "jax", title: "JAX", device: "cpu", threads: 1, command: () => pythonProgram(1, "jax") },
  { id: "torch", title: "torch", device: "cpu", threads: 1, command: () => pythonProgram(1, "torch") },
  { id: "jax2", title: "JAX, 2 threads", device: "cpu", threads: 2, command: () => pythonProgram(2, "jax") },
  { id: "torch2", title: "torch, 2 threads", device: "cpu", threads: 2, command: () => pythonProgram(2, "torch") },
  // A software driver brings its own threads, so these are not pinned.
  { id: "pullback-webgpu", title: "pullback", device: "webgpu", threads: 2, command: node => subject(2, node, ["webgpu"]) },
  {
    id: "jax-js-webgpu",
    title: "jax-js",
    device: "webgpu",
    threads: 2,
    command: node => peer("jax-js", node, "jaxjs/main.ts", iterators, ["webgpu"]),
  },
];
