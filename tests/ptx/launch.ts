// One launch: which blocks are in flight, which warp has its turn, and when asynchronous copies land. Every schedule here is one that a GPU could choose.
import { Block, type Dim3, type Grid } from "./block.ts";
import { PtxFault } from "./errors.ts";
import type { Memory } from "./memory.ts";
import type { Program } from "./program.ts";
import type { Races } from "./races/races.ts";
import { turn } from "./turn.ts";
import type { Warp } from "./warp.ts";

/** The order of blocks and warps. "forward" and "reverse": by number, each running until it must wait. A seed: turns of random length. */
export type Schedule = "forward" | "reverse" | { readonly seed: number };
/** What decoding and running depend on. `copies`: do asynchronous copies land as early or as late as the program allows? `races`: look for races and for reads of what was never written. */
export interface MachineOptions {
  readonly capability: number;
  readonly schedule: Schedule;
  readonly copies: "early" | "late";
  readonly races: boolean;
  /** Warp instructions of a launch, at most. */
  readonly limit: number;
}

/** A copy that has been started and has not landed. */
export interface Transfer {
  readonly land: () => void;
}

const RESIDENT = 16,
  SLICE = 200_000;

/** See above. */
export class Launch {
  readonly machine: MachineOptions;
  readonly global: Memory;
  readonly program: Program;
  readonly params: DataView;
  readonly races: Races | undefined;
  /** Copies in flight that land by themselves (bulk copies), oldest first. */
  readonly transfers: Transfer[] = [];
  executed = 0;
  /** Lanes of all executed instructions. */
  laneInstructions = 0;
  private readonly grid: Grid;
  private readonly dynamicBytes: number;
  private readonly random: () => number;
  private readonly idle: Block[][] = [];

  constructor(
    machine: MachineOptions,
    global: Memory,
    program: Program,
    grid: Grid,
    dynamicBytes: number,
    params: DataView,
    races: Races | undefined,
  ) {
    this.machine = machine;
    this.global = global;
    this.program = program;
    this.grid = grid;
    this.dynamicBytes = dynamicBytes;
    this.params = params;
    this.races = races;
    this.random = generator(typeof machine.schedule === "object" ? machine.schedule.seed : 0);
  }

  /** Run all blocks to their end. @throws PtxFault */
  run(): void {
    const { grid, cluster } = this.grid,
      clusters: Dim3 = [grid[0] / cluster[0], grid[1] / cluster[1], grid[2] / cluster[2]],
      n = clusters[0] * clusters[1] * clusters[2],
      order = this.order(n),
      at = (i: number): number => order?.[i] ?? i,
      seeded = typeof this.machine.schedule === "object";
    const active: Block[][] = [];
    let next = 0,
      stuck = 0,
      turns = 0;
    while (next < n || active.length > 0) {
      const want = seeded ? 1 + Math.floor(this.random() * 4) : 1;
      while (next < n && active.length < want) active.push(this.start(at(next++), clusters));
      turns %= active.length;
      const blocks = active[turns] ?? [],
        progress = this.give(blocks);
      if (blocks.every(b => b.done)) {
        active.splice(turns, 1);
        this.idle.push(blocks);
        stuck = 0;
        continue;
      }
      turns++;
      if (progress) {
        stuck = 0;
        if (next < n && active.length < RESIDENT && !seeded) active.push(this.start(at(next++), clusters));
      } else if (++stuck >= active.length) {
        if (this.transfers.length > 0) this.transfers.splice(seeded ? Math.floor(this.random() * this.transfers.length) : 0, 1)[0]?.land();
        else if (next < n && active.length < RESIDENT) active.push(this.start(at(next++), clusters));
        else this.deadlock(active.flat());
        stuck = 0;
      }
    }
    while (this.transfers.length > 0) this.transfers.shift()?.land();
  }
  /** Turns for the warps of some blocks until none gets further, or for long enough. Did any? */
  private give(blocks: readonly Block[]): boolean {
    const warps = blocks.flatMap(b => b.warps),
      { schedule, limit } = this.machine,
      seeded = typeof schedule === "object";
    let any = false;
    for (let spent = 0; spent < SLICE;) {
      let moved = 0;
      for (let i = 0; i < warps.length; i++) {
        const w = warps[seeded ? Math.floor(this.random() * warps.length) : schedule === "reverse" ? warps.length - 1 - i : i] as Warp; // in range
        if (w.done) continue;
        moved += turn(this, w, seeded ? 1 + Math.floor(this.random() * 60) : SLICE);
        if (this.executed > limit) throw new PtxFault("limit", `${this.program.name} has run for ${limit} instructions of a warp`);
      }
      if (moved === 0 && (!seeded || warps.every(w => w.done || turn(this, w, SLICE) === 0))) return any;
      any = true;
      spent += moved;
      if (blocks.every(b => b.done)) return true;
    }
    return any;
  }
  private start(cluster: number, clusters: Dim3): Block[] {
    const { grid } = this,
      [cx, cy, cz] = grid.cluster,
      size = cx * cy * cz,
      blocks =
        this.idle.pop() ?? Array.from({ length: size }, () => new Block(this, this.program, grid, this.dynamicBytes, this.machine.races));
    const x = cluster % clusters[0],
      y = Math.floor(cluster / clusters[0]) % clusters[1],
      z = Math.floor(cluster / (clusters[0] * clusters[1]));
    blocks.forEach((b, rank) => {
      const at: Dim3 = [x * cx + (rank % cx), y * cy + (Math.floor(rank / cx) % cy), z * cz + Math.floor(rank / (cx * cy))];
      b.start(at[0] + grid.grid[0] * (at[1] + grid.grid[1] * at[2]), at, rank, blocks);
    });
    this.races?.start(blocks);
    return blocks;
  }
  private order(n: number): Uint32Array | undefined {
    const { schedule } = this.machine;
    if (schedule === "forward") return undefined;
    const out = Uint32Array.from({ length: n }, (_, i) => n - 1 - i);
    if (schedule === "reverse") return out;
    for (let i = n - 1; i > 0; i--) {
      const j = Math.floor(this.random() * (i + 1)),
        x = out[i] ?? 0;
      out[i] = out[j] ?? 0;
      out[j] = x;
    }
    return out;
  }
  private deadlock(blocks: readonly Block[]): never {
    const waits = blocks.flatMap(b =>
      b.warps.flatMap(w =>
        w.fragments.map(f => `  block (${b.at.join(", ")}) warp ${w.index} line ${this.program.lines[f.pc] ?? 0}: ${f.waits || f.state}`),
      ),
    );
    throw new PtxFault(
      "deadlock",
      `no thread of ${this.program.name} can go on\n${waits.slice(0, 20).join("\n")}${waits.length > 20 ? `\n  and ${waits.length - 20} more` : ""}`,
    );
  }
  /** Time: instructions so far. */
  clock(): number {
    return this.executed >>> 0;
  }
}

/** Uniform numbers in [0, 1) (splitmix32). */
function generator(seed: number): () => number {
  let s = seed | 0;
  return () => {
    s = (s + 0x9e3779b9) | 0;
    let z = Math.imul(s ^ (s >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 4294967296;
  };
}
