// A warp: 32 threads that execute one instruction together, with their registers. Where a branch parts them they are several fragments, each with a place of its own in the code.
import type { Block } from "./block.ts";
import { Memory } from "./memory.ts";
import { CopyQueue } from "./copyqueue.ts";
import type { StoreQueue } from "./ops/bulk.ts";
import { ProductQueue } from "./products.ts";
import type { Program } from "./program.ts";

/** What a fragment can do. `blocked`: somebody will wake it. `gathering`: it waits here for other lanes of its warp. `spinning`: it has looked at something that
 *  has not happened yet, and looks again at its next turn. */
export type FragmentState = "ready" | "blocked" | "gathering" | "spinning";

/** Lanes at one place in the code. */
export interface Fragment {
  pc: number;
  mask: number;
  state: FragmentState;
  /** What it waits for, in words. */
  waits: string;
  /** The place of its last failed look, to tell progress from spinning. */
  spunAt: number;
}

/** Registers and control state of a warp. A register is 32 words (64 words, a lane's two beside each other, for 64 bits) of one file; predicates are a word of bits each. */
export class Warp {
  readonly block: Block;
  readonly index: number;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly u16: Uint16Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;
  readonly u64: BigUint64Array;
  readonly preds: Int32Array;
  /** Lanes that have written each register and predicate; only kept under checks. */
  readonly written: Int32Array;
  readonly predsWritten: Int32Array;
  /** Local memory of the 32 threads, one after another. */
  readonly localMemory: Memory;
  /** Lanes that exist and have not exited. */
  live = 0;
  fragments: Fragment[] = [];
  /** The instruction that is being executed, for messages. */
  pc = 0;
  /** Asynchronous copies of its threads. */
  copies: CopyQueue = new CopyQueue();
  /** Bulk stores, by lane. */
  stores: (StoreQueue | undefined)[] = [];
  /** Matrix products out of shared memory. */
  products: ProductQueue = new ProductQueue();

  constructor(block: Block, index: number, program: Program, checked: boolean) {
    this.block = block;
    this.index = index;
    const file = new ArrayBuffer(program.fileWords * 4);
    this.u32 = new Uint32Array(file);
    this.i32 = new Int32Array(file);
    this.u16 = new Uint16Array(file);
    this.f32 = new Float32Array(file);
    this.f64 = new Float64Array(file, 0, program.fileWords >> 1);
    this.u64 = new BigUint64Array(file, 0, program.fileWords >> 1);
    this.preds = new Int32Array(program.predicates);
    this.written = new Int32Array(checked ? program.fileWords >> 5 : 0);
    this.predsWritten = new Int32Array(checked ? program.predicates : 0);
    this.localMemory = new Memory(program.localBytes * 32);
    this.fill(program);
  }

  /** Ready for the first instruction of `program`, with `threads` lanes, in the block's new place. */
  start(program: Program, threads: number): void {
    this.written.fill(0);
    this.predsWritten.fill(0);
    this.localMemory.u8.fill(0xff);
    this.preds.fill(0);
    this.preds[0] = -1;
    this.live = threads >= 32 ? -1 : (1 << threads) - 1;
    for (const { name, slot } of program.specials) if (MOVING.test(name)) this.u32.fill(special(name, 0, this), slot, slot + 32);
    this.fragments = [{ pc: 0, mask: this.live, state: "ready", waits: "", spunAt: -1 }];
    this.pc = 0;
    this.copies = new CopyQueue();
    this.stores = [];
    this.products = new ProductQueue();
  }
  /** Constants and the registers that say which thread this is. */
  private fill(program: Program): void {
    this.u32.set(program.constants);
    const [nx, ny] = this.block.grid.block;
    for (const { name, slot } of program.specials)
      for (let l = 0; l < 32; l++) {
        const t = this.index * 32 + l;
        this.u32[slot + l] =
          name === "%tid.x"
            ? t % nx
            : name === "%tid.y"
              ? Math.floor(t / nx) % ny
              : name === "%tid.z"
                ? Math.floor(t / (nx * ny))
                : special(name, l, this);
      }
  }
  get done(): boolean {
    return this.live === 0;
  }
}

/** Special registers that change from block to block, the same for all its threads. */
const MOVING = /^%(?:ctaid|clusterid|cluster_ctaid)\.|^%cluster_ctarank$/;
function special(name: string, lane: number, w: Warp): number {
  const { grid, at, rank } = w.block,
    axis = "xyz".indexOf(name.slice(-1)) as 0 | 1 | 2, // only used where the name ends so
    c = grid.cluster;
  switch (name) {
    case "%laneid":
      return lane;
    case "%warpid":
      return w.index;
    case "%nwarpid":
      return Math.ceil(w.block.threads / 32);
    case "%ntid.x":
    case "%ntid.y":
    case "%ntid.z":
      return grid.block[axis];
    case "%ctaid.x":
    case "%ctaid.y":
    case "%ctaid.z":
      return at[axis];
    case "%nctaid.x":
    case "%nctaid.y":
    case "%nctaid.z":
      return grid.grid[axis];
    case "%clusterid.x":
    case "%clusterid.y":
    case "%clusterid.z":
      return Math.floor(at[axis] / c[axis]);
    case "%nclusterid.x":
    case "%nclusterid.y":
    case "%nclusterid.z":
      return grid.grid[axis] / c[axis];
    case "%cluster_ctaid.x":
    case "%cluster_ctaid.y":
    case "%cluster_ctaid.z":
      return at[axis] % c[axis];
    case "%cluster_nctaid.x":
    case "%cluster_nctaid.y":
    case "%cluster_nctaid.z":
      return c[axis];
    case "%cluster_ctarank":
      return rank;
    case "%cluster_nctarank":
      return c[0] * c[1] * c[2];
    case "%smid":
      return 0;
    case "%nsmid":
      return 1;
    case "%lanemask_eq":
      return 1 << lane;
    case "%lanemask_lt":
      return (1 << lane) - 1;
    case "%lanemask_le":
      return lane === 31 ? -1 : (1 << (lane + 1)) - 1;
    case "%lanemask_gt":
      return lane === 31 ? 0 : -1 << (lane + 1);
    case "%lanemask_ge":
      return -1 << lane;
    default:
      return w.block.sharedBytes(name);
  }
}

/** The special registers whose value is fixed for the whole life of a thread. */
export const SPECIALS: ReadonlySet<string> = new Set([
  ...["tid", "ntid", "ctaid", "nctaid", "clusterid", "nclusterid", "cluster_ctaid", "cluster_nctaid"].flatMap(n =>
    ["x", "y", "z"].map(a => `%${n}.${a}`),
  ),
  ...["laneid", "warpid", "nwarpid", "cluster_ctarank", "cluster_nctarank", "smid", "nsmid", "total_smem_size", "dynamic_smem_size"].map(
    n => `%${n}`,
  ),
  ...["eq", "lt", "le", "gt", "ge"].map(n => `%lanemask_${n}`),
]);
