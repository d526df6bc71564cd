// Decides how one product runs: method, register tile, what is packed, chunks of k, blocks of the parallel grid, scratch sizes.
// Why: the decision is data that a schedule can print, tests can check and scratch can be allocated from before any code exists.
// It refuses to depend on the number of threads, and to let `wide` decide more than speed: the order of every sum follows from sizes alone, its roundings from `fma`.
import type { WasmFeatures } from "../features.ts";
import { transposed } from "./spec.ts";
import type { GemmSpec, MatrixSource } from "./spec.ts";
import { VEC } from "./vec.ts";

/** How one product runs. Grids are counts of independent tasks; bytes are multiples of 64. */
export interface GemmPlan {
  readonly method: "empty" | "dot" | "tiles";
  /** The product that is computed: as given, or transposed when N is small. */
  readonly spec: GemmSpec;
  readonly transposed: boolean;
  readonly fma: boolean;
  /** Register tile: rows, vectors, and k steps per turn. */
  readonly mr: number;
  readonly nv: number;
  readonly ku: number;
  /** Vectors of the last, narrower column panel; 0 if there is none. */
  readonly nvTail: number;
  readonly packA: boolean;
  readonly packB: boolean;
  /** Steps of k between visits to the tile buffer, and how often. */
  readonly chunk: number;
  readonly chunks: number;
  /** Block of the grid: rows, and column panels (groups of one vector for "dot"). */
  readonly mc: number;
  readonly panelsPerBlock: number;
  readonly rowBlocks: number;
  readonly colBlocks: number;
  /** Bytes of packed B for each of its batches. */
  readonly packedB: number;
  /** Bytes of packed A at the start of a thread's scratch; the tile buffer follows. */
  readonly packedA: number;
  readonly scratchShared: number;
  readonly scratchPerThread: number;
  readonly packGrid: number;
  readonly gemmGrid: number;
}

/** Rows of B packed by one task. */
export const PACK_ROWS = 256;
/** Blocks of A stay in the second-level cache. */
const BLOCK_ROWS = 128;
const LEAST_ROWS = 32;
/** A grid this large divides evenly enough among the threads of a desktop. */
const ENOUGH_TASKS = 16;
/** Bytes of one packed row strip or column in a chunk: a B panel of one chunk stays in the first-level cache. */
const CHUNK_BYTES = 2048;
/** Below this K, writing the output costs more than the sums: blocks then have few rows, so that half-written lines stay in cache. */
const SHALLOW = 16;
/** Up to this many rows, packing B costs more than it gains. */
const UNPACKED_ROWS = 8;
/** Up to this many columns, the transposed product is computed: rows may be few, vectors must be full. An epilogue wants its columns
 *  consecutive, so there the limit is where it could not store a vector anyway. */
const NARROW = 4;
/** Up to this many rows, k-contiguous operands are multiplied as dot products. */
const DOT_ROWS = 4;
/** Vectors of k per turn of a dot product of one row: partial sums enough to hide the latency of addition. */
const DOT_TURN = 2;

const up = (n: number, to: number): number => Math.ceil(n / to) * to;

/** The plan of a product for an engine. Sizes and strides of the spec must be non-negative integers. */
export function planGemm(given: GemmSpec, features: WasmFeatures): GemmPlan {
  const [ga, gb] = [gathered(given.a, given.m, given.k), gathered(given.b, given.n, given.k)];
  const narrow = given.n < given.m && given.n <= (given.out.kind === "computed" ? NARROW - 1 : NARROW);
  const flipped = ga === gb ? narrow : gb > ga;
  const spec = flipped ? transposed(given) : given;
  const { batch, m, n, k, a, b } = spec;
  const vec = VEC[spec.dtype];
  const custom = spec.out.kind === "computed";
  const shape = { spec, transposed: flipped, fma: features.fma, ...tileOf(m, n, vec.lanes, features.wide) };
  if (batch * m * n === 0) return { ...shape, ...EMPTY };

  if (m <= DOT_ROWS && b.kind === "strided" && b.row === 1 && (b.col !== 1 || n === 1) && k >= 4 * vec.lanes) {
    const groups = Math.ceil(n / vec.lanes);
    const colBlocks = Math.max(1, Math.min(Math.ceil(ENOUGH_TASKS / batch), Math.floor((n * k) / 8192)));
    const panelsPerBlock = Math.ceil(groups / colBlocks);
    const packA = a.kind !== "strided" || a.col !== 1;
    const packedA = packA ? up(m * k * vec.size, 64) : 0;
    return {
      ...shape,
      ...EMPTY,
      method: "dot",
      mr: m,
      nv: 1,
      ku: DOT_TURN,
      packA,
      packedA,
      chunk: k,
      chunks: 1,
      panelsPerBlock,
      rowBlocks: 1,
      colBlocks: Math.ceil(groups / panelsPerBlock),
      scratchPerThread: packedA + (custom ? 64 : 0),
      gemmGrid: batch * Math.ceil(groups / panelsPerBlock),
    };
  }

  const { mr, nv } = shape;
  const width = nv * vec.lanes;
  const packB =
    k > 0 &&
    !(b.kind === "strided" && b.col === 1 && (m <= UNPACKED_ROWS || k === 1 || (n <= width && n % vec.lanes === 0 && b.row === n)));
  const nvTail = tailVectors(n, nv, vec.lanes, features.wide && packB);
  const packA = k > 0 && (a.kind !== "strided" || (a.col !== 1 && m > UNPACKED_ROWS && n > 2 * width));
  const longest = CHUNK_BYTES / vec.size;
  const chunks = Math.max(1, Math.ceil(k / longest));
  const chunk = chunks === 1 ? k : up(Math.ceil(k / chunks), 4);

  const panels = Math.floor(n / width) + (nvTail > 0 ? 1 : 0);
  let mc = BLOCK_ROWS;
  while (mc > LEAST_ROWS && batch * Math.ceil(m / mc) < ENOUGH_TASKS) mc /= 2;
  const rowBytes = vec.size * (spec.out.kind === "plain" ? (spec.out.strides?.row ?? n) : n);
  if (k < SHALLOW) mc = Math.min(mc, Math.max(mr, rowsWithoutAliasing(rowBytes)));
  mc = Math.min(mc, up(m, mr));
  const rowBlocks = Math.ceil(m / mc);
  const wanted = Math.min(Math.ceil(ENOUGH_TASKS / (batch * rowBlocks)), Math.floor((n * Math.min(m, mc) * k) / 65536));
  const panelsPerBlock = Math.ceil(panels / Math.max(1, Math.min(wanted, panels)));
  const colBlocks = Math.ceil(panels / panelsPerBlock);

  const packedB = packB ? up((Math.floor(n / width) * nv + nvTail) * 16 * k, 64) : 0;
  const packedA = packA ? up(up(mc, mr) * chunk * vec.size, 64) : 0;
  const tiles = chunks > 1 ? panelsPerBlock : custom ? 1 : 0;
  const bBatches = b.batched ? batch : 1;
  return {
    ...shape,
    method: "tiles",
    nvTail,
    packA,
    packB,
    chunk,
    chunks,
    mc,
    panelsPerBlock,
    rowBlocks,
    colBlocks,
    packedB,
    packedA,
    scratchShared: bBatches * packedB,
    scratchPerThread: packedA + up(tiles * mc * nv * 16, 64),
    packGrid: packB ? bBatches * panels * Math.ceil(k / PACK_ROWS) : 0,
    gemmGrid: batch * rowBlocks * colBlocks,
  };
}

/** Elements that are gathered while packing. The operand with more of them is A, which tasks pack by blocks: packed B would be as large as what is not to be stored. */
const gathered = (source: MatrixSource, outer: number, k: number): number => (source.kind === "indexed" ? outer * k : 0);

/** Rows of the output, this many bytes apart, of which a first-level cache of 8 ways and 64 sets can hold one line each. A power of two. */
function rowsWithoutAliasing(rowBytes: number): number {
  const sets = 4096 / Math.min(4096, rowBytes & -rowBytes);
  return Math.min(BLOCK_ROWS, 8 * sets);
}

const EMPTY = {
  method: "empty",
  nvTail: 0,
  packA: false,
  packB: false,
  chunk: 0,
  chunks: 1,
  mc: 0,
  panelsPerBlock: 0,
  rowBlocks: 0,
  colBlocks: 0,
  packedB: 0,
  packedA: 0,
  scratchShared: 0,
  scratchPerThread: 0,
  packGrid: 0,
  gemmGrid: 0,
} as const;

/** Eight accumulators hide the latency of multiply-add; sixteen when the engine pairs them. Few rows take wide tiles, few columns tall ones. */
function tileOf(m: number, n: number, lanes: number, wide: boolean): { mr: number; nv: number; ku: number } {
  const vectors = Math.max(1, Math.ceil(n / lanes));
  const accumulators = wide ? 16 : 8;
  const tallest = wide && vectors === 2 ? 8 : 4;
  const mr = Math.max(1, Math.min(m, tallest));
  const nv = Math.min(vectors, accumulators / (mr === 3 ? 4 : mr > 4 ? 8 : mr));
  return { mr, nv: wide && nv > 1 ? up(nv, 2) : nv, ku: wide ? 4 : 1 };
}

function tailVectors(n: number, nv: number, lanes: number, even: boolean): number {
  const vectors = Math.ceil((n % (nv * lanes)) / lanes);
  return even && vectors > 1 ? up(vectors, 2) : vectors;
}
