// A CUDA device in software: memory, modules, launches. It knows nothing of the driver's API; a driver is built on top.
import type { Dim3 } from "./block.ts";
import { PtxError, PtxFault } from "./errors.ts";
import { Launch, type MachineOptions, type Schedule } from "./launch.ts";
import { link } from "./link.ts";
import { GLOBAL_BASE, Memory } from "./memory.ts";
import type { Program, PtxEntry } from "./program.ts";
import { Races } from "./races/races.ts";
import { parseModule } from "./text/parser.ts";

export { PtxError, PtxFault } from "./errors.ts";
export type { FaultKind, FaultPlace } from "./errors.ts";
export type { Schedule } from "./launch.ts";
export type { PtxEntry, PtxParam } from "./program.ts";
export type { Dim3 } from "./block.ts";

/** `capability`: 75, 80, … as in `sm_80`. `bytes`: of global memory. `schedule`: "forward" unless said otherwise. `copies`: when asynchronous copies land; "late", but "early"
 *  with the schedule "reverse", unless said otherwise. `races`: look for data races and reads of what was never written, at some cost. `limit`: warp instructions a launch may take. */
export interface PtxDeviceOptions {
  readonly capability: number;
  readonly bytes: number;
  readonly schedule?: Schedule;
  readonly copies?: "early" | "late";
  readonly races?: boolean;
  readonly limit?: number;
}
/** A loaded module. */
export interface PtxModule {
  readonly entries: ReadonlyMap<string, PtxEntry>;
}
/** The shape and arguments of a launch. A parameter is an integer or its bytes. */
export interface LaunchOptions {
  readonly grid: Dim3;
  readonly block: Dim3;
  readonly cluster?: Dim3;
  readonly dynamicSharedBytes: number;
  readonly params: readonly (bigint | Uint8Array)[];
}
/** What launches have done so far. `instructions`: of warps; `laneInstructions`: times their active lanes. */
export interface PtxStatistics {
  instructions: number;
  laneInstructions: number;
}

/** See above. */
export class PtxDevice {
  /** Global memory; its first byte has the address `base`. */
  readonly memory: Uint8Array;
  readonly base: bigint = GLOBAL_BASE;
  readonly statistics: PtxStatistics = { instructions: 0, laneInstructions: 0 };
  private readonly machine: MachineOptions;
  private readonly global: Memory;
  private readonly programs = new WeakMap<PtxModule, ReadonlyMap<string, Program>>();

  constructor(options: PtxDeviceOptions) {
    const schedule = options.schedule ?? "forward";
    this.machine = {
      capability: options.capability,
      schedule,
      copies: options.copies ?? (schedule === "reverse" ? "early" : "late"),
      races: options.races ?? false,
      limit: options.limit ?? 1e9,
    };
    this.global = new Memory(options.bytes);
    this.memory = this.global.u8.subarray(0, options.bytes);
  }

  /** Read, check and decode a module. @throws PtxError with the line and what is wrong there */
  load(text: string): PtxModule {
    const m = parseModule(text),
      target = /^sm_(\d+)([af]?)$/.exec(m.target),
      { capability } = this.machine;
    if (!target) throw new PtxError(1, `unknown target ${m.target}`);
    const wanted = Number(target[1]);
    if (
      wanted > capability ||
      (target[2] === "a" && wanted !== capability) ||
      (target[2] === "f" && Math.floor(wanted / 10) !== Math.floor(capability / 10))
    )
      throw new PtxError(1, `code for ${m.target} does not run on a device of compute capability ${capability}`);
    const programs = new Map<string, Program>();
    for (const e of m.entries) {
      if (programs.has(e.name)) throw new PtxError(e.line, `${e.name} is defined twice`);
      programs.set(e.name, link(e, m.memory, { version: m.version, target: wanted, targetName: m.target }, this.machine));
    }
    const module: PtxModule = { entries: programs };
    this.programs.set(module, programs);
    return module;
  }

  /** Run a kernel to its end. @throws PtxFault */
  launch(module: PtxModule, entry: string, options: LaunchOptions): void {
    const program = this.programs.get(module)?.get(entry);
    if (!program) throw new PtxFault("launch", `the module has no entry ${entry}`);
    const { grid, block, cluster = [1, 1, 1], dynamicSharedBytes, params } = options;
    checkShape(program, grid, block, cluster);
    const races = this.machine.races ? new Races(this.global) : undefined,
      l = new Launch(this.machine, this.global, program, { grid, block, cluster }, dynamicSharedBytes, pack(program, params), races);
    try {
      l.run();
    } finally {
      this.statistics.instructions += l.executed;
      this.statistics.laneInstructions += l.laneInstructions;
    }
  }
}

function checkShape(p: Program, grid: Dim3, block: Dim3, cluster: Dim3): void {
  const threads = block[0] * block[1] * block[2],
    bad = (what: string): never => {
      throw new PtxFault("launch", `${p.name}: ${what}`);
    };
  if ([...grid, ...block, ...cluster].some(n => !Number.isInteger(n) || n < 1))
    bad(`a grid of (${grid.join(", ")}) blocks of (${block.join(", ")}) threads`);
  if (threads > 1024 || block[2] > 64) bad(`${threads} threads in a block`);
  if (grid[0] > 2147483647 || grid[1] > 65535 || grid[2] > 65535) bad(`a grid of (${grid.join(", ")}) blocks`);
  if (p.maxThreads !== undefined && threads > p.maxThreads) bad(`${threads} threads where .maxntid allows ${p.maxThreads}`);
  const required = p.requiredThreads;
  if (required && required.some((n, i) => n !== block[i]))
    bad(`.reqntid asks for (${required.join(", ")}) threads, not (${block.join(", ")})`);
  if (cluster.some((n, i) => (grid[i] ?? 1) % n !== 0) || cluster[0] * cluster[1] * cluster[2] > 16)
    bad(`clusters of (${cluster.join(", ")}) blocks in a grid of (${grid.join(", ")})`);
}
/** The block of parameters. */
function pack(p: Program, params: readonly (bigint | Uint8Array)[]): DataView {
  if (params.length !== p.params.length)
    throw new PtxFault("launch", `${p.name} has ${p.params.length} parameters, and ${params.length} are given`);
  const bytes = new Uint8Array(Math.max(8, p.paramBytes)),
    view = new DataView(bytes.buffer);
  p.params.forEach(({ name, offset, bytes: size }, i) => {
    const x = params[i] ?? 0n;
    if (typeof x === "bigint")
      for (let k = 0; k < size; k++) view.setUint8(offset + k, k < 8 ? Number(BigInt.asUintN(8, x >> BigInt(8 * k))) : 0);
    else if (x.length !== size) throw new PtxFault("launch", `${p.name}: parameter ${name} has ${size} bytes, and ${x.length} are given`);
    else bytes.set(x, offset);
  });
  return view;
}
