// A block of threads (a CTA): its shared memory, its named barriers, its warps, and its place in the grid and the cluster.
import { PtxFault } from "./errors.ts";
import { ClusterMeeting } from "./cluster.ts";
import { Memory } from "./memory.ts";
import type { Program } from "./program.ts";
import type { Launch } from "./launch.ts";
import type { Mbarrier } from "./ops/mbarrier.ts";
import { Warp, type Fragment } from "./warp.ts";

/** Three numbers. */
export type Dim3 = readonly [number, number, number];
/** The shape of a launch. */
export interface Grid {
  readonly grid: Dim3;
  readonly block: Dim3;
  readonly cluster: Dim3;
}
/** Threads that wait at a barrier, or have arrived at it. */
interface Meeting {
  readonly expected: number | undefined;
  arrived: number;
  readonly waiting: { readonly warp: Warp; readonly fragment: Fragment }[];
  readonly warps: Set<Warp>;
  /** bar.red: the sum so far, and who wants it. */
  readonly total: Tally;
  readonly wanting: ((total: Tally) => void)[];
}
/** How many threads say yes, of how many. */
export interface Tally {
  yes: number;
  all: number;
}

/** See above. Made once for a launch and reused for one place of the grid after another. */
export class Block {
  readonly launch: Launch;
  readonly grid: Grid;
  readonly shared: Memory;
  readonly warps: readonly Warp[];
  readonly threads: number;
  readonly mbarriers: Map<number, Mbarrier> = new Map();
  at: Dim3 = [0, 0, 0];
  /** Number in the grid, and in its cluster. */
  number = 0;
  rank = 0;
  /** All blocks of the cluster, by rank. */
  cluster: readonly Block[] = [this];
  private readonly program: Program;
  private readonly meetings = new Map<number, Meeting>();
  private readonly dynamicBytes: number;
  /** The barrier of the cluster, used by way of its first block. */
  readonly clusterMeeting: ClusterMeeting = new ClusterMeeting(
    () => this.cluster.flatMap(b => b.warps),
    warps => this.launch.races?.meet(warps),
  );

  constructor(launch: Launch, program: Program, grid: Grid, dynamicBytes: number, checked: boolean) {
    this.launch = launch;
    this.grid = grid;
    this.program = program;
    this.dynamicBytes = dynamicBytes;
    this.threads = grid.block[0] * grid.block[1] * grid.block[2];
    this.shared = new Memory(program.sharedBytes + dynamicBytes);
    this.warps = Array.from({ length: Math.ceil(this.threads / 32) }, (_, i) => new Warp(this, i, program, checked));
  }
  /** At the start of the kernel, at block `number` of the grid. Shared memory holds NaNs. */
  start(number: number, at: Dim3, rank: number, cluster: readonly Block[]): void {
    this.number = number;
    this.at = at;
    this.rank = rank;
    this.cluster = cluster;
    this.shared.u8.fill(0xff);
    this.mbarriers.clear();
    this.meetings.clear();
    this.warps.forEach((w, i) => w.start(this.program, Math.min(32, this.threads - 32 * i)));
  }
  get done(): boolean {
    return this.warps.every(w => w.done);
  }
  sharedBytes(name: string): number {
    return name === "%dynamic_smem_size" ? this.dynamicBytes : this.shared.bytes;
  }

  /** `threads` threads of `warp` arrive at barrier `id`, which opens when `expected` have (undefined: all that have not exited); a fragment that waits is woken then. */
  arrive(id: number, expected: number | undefined, warp: Warp, threads: number, fragment: Fragment | undefined): void {
    if (id < 0 || id > 15) throw new PtxFault("barrier", `barrier ${id} does not exist`);
    if (expected !== undefined && (expected % 32 !== 0 || expected === 0))
      throw new PtxFault("barrier", `barrier ${id} for ${expected} threads: not a multiple of the 32 of a warp`);
    const m = this.meeting(id, expected);
    if (m.expected !== expected)
      throw new PtxFault("barrier", `barrier ${id} is for ${m.expected ?? "all"} threads there and for ${expected ?? "all"} here`);
    m.arrived += expected === undefined ? threads : Math.ceil(threads / 32) * 32;
    if (m.arrived > (expected ?? Infinity))
      throw new PtxFault("barrier", `barrier ${id}: ${m.arrived} threads arrived where ${expected} are expected`);
    m.warps.add(warp);
    if (fragment) m.waiting.push({ warp, fragment });
    this.open(id, m);
  }
  private meeting(id: number, expected: number | undefined): Meeting {
    let m = this.meetings.get(id);
    if (!m) this.meetings.set(id, (m = { expected, arrived: 0, waiting: [], warps: new Set(), total: { yes: 0, all: 0 }, wanting: [] }));
    return m;
  }
  /** Votes at a barrier of all threads; `then` gets the sum when it opens. */
  contribute(id: number, vote: Tally, then: (total: Tally) => void): void {
    const { total, wanting } = this.meeting(id, undefined);
    total.yes += vote.yes;
    total.all += vote.all;
    wanting.push(then);
  }
  private open(id: number, m: Meeting): void {
    if (m.arrived < (m.expected ?? this.liveThreads())) return;
    this.meetings.delete(id);
    this.launch.races?.meet(m.warps);
    for (const then of m.wanting) then(m.total);
    for (const { fragment } of m.waiting) fragment.state = "ready";
  }
  /** A thread's exit may be what a barrier of all threads waited for. */
  exited(): void {
    for (const [id, m] of this.meetings) if (m.expected === undefined) this.open(id, m);
    this.cluster[0]?.clusterMeeting.check();
  }
  private liveThreads(): number {
    let n = 0;
    for (const w of this.warps) n += bits(w.live);
    return n;
  }
}

/** How many bits are set. */
export function bits(x: number): number {
  x -= (x >>> 1) & 0x55555555;
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
