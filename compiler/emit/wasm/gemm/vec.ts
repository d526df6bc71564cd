// The two dtypes of the generator as one 128-bit vector each: operation names, sizes, transposition.
// Why: kernels are written once for f32 and f64. It refuses to hold anything that depends on a kernel's shape.
import { InternalError } from "../../../../runtime/errors/error.ts";
import type { FuncBuilder, Local } from "../encoder/function.ts";
import type { LaneOp, MemoryLaneOp, MemoryOp, PlainOp } from "../encoder/opcodes.ts";

/** A vector type. */
export interface Vec {
  readonly scalar: "f32" | "f64";
  /** Bytes of one element. */
  readonly size: number;
  /** Elements in 128 bits. */
  readonly lanes: number;
  readonly load: MemoryOp;
  readonly store: MemoryOp;
  readonly loadSplat: MemoryOp;
  readonly loadFirst: MemoryOp;
  readonly loadLane: MemoryLaneOp;
  readonly storeLane: MemoryLaneOp;
  readonly extract: LaneOp;
  readonly add: PlainOp;
  readonly mul: PlainOp;
  readonly madd: PlainOp;
}

/** The vector type of each dtype. */
export const VEC: { readonly [D in "f32" | "f64"]: Vec } = {
  f32: {
    scalar: "f32",
    size: 4,
    lanes: 4,
    load: "f32.load",
    store: "f32.store",
    loadSplat: "v128.load32_splat",
    loadFirst: "v128.load32_zero",
    loadLane: "v128.load32_lane",
    storeLane: "v128.store32_lane",
    extract: "f32x4.extract_lane",
    add: "f32x4.add",
    mul: "f32x4.mul",
    madd: "f32x4.relaxed_madd",
  },
  f64: {
    scalar: "f64",
    size: 8,
    lanes: 2,
    load: "f64.load",
    store: "f64.store",
    loadSplat: "v128.load64_splat",
    loadFirst: "v128.load64_zero",
    loadLane: "v128.load64_lane",
    storeLane: "v128.store64_lane",
    extract: "f64x2.extract_lane",
    add: "f64x2.add",
    mul: "f64x2.mul",
    madd: "f64x2.relaxed_madd",
  },
};

/** acc += x * y, in one rounding when `fma`. */
export function multiplyAdd(f: FuncBuilder, vec: Vec, fma: boolean, acc: Local, x: Local, y: Local): void {
  if (fma) f.get(x).get(y).get(acc).op(vec.madd).set(acc);
  else f.get(acc).get(x).get(y).op(vec.mul).op(vec.add).set(acc);
}

/** Pushes `count` consecutive elements at the address local plus `offset`, other lanes zero; never reads beyond them. */
export function loadPartial(f: FuncBuilder, vec: Vec, address: Local, offset: number, count: number): void {
  if (count === vec.lanes) {
    f.get(address).mem("v128.load", offset);
    return;
  }
  gather(
    f,
    vec,
    address,
    Array.from({ length: count }, (_, lane) => offset + lane * vec.size),
  );
}

/** Pushes the elements at the address local plus each offset, a lane each, other lanes zero. */
export function gather(f: FuncBuilder, vec: Vec, address: Local, offsets: readonly number[]): void {
  const packed = f.local("v128");
  offsets.forEach((offset, lane) => {
    f.get(address);
    if (lane === 0) f.mem(vec.loadFirst, offset).set(packed);
    else f.get(packed).memLane(vec.loadLane, lane, offset).set(packed);
  });
  f.get(packed);
}

/** Stores the first `count` lanes of x at the address local plus `offset`, `stride` bytes apart. */
export function storePartial(f: FuncBuilder, vec: Vec, address: Local, offset: number, x: Local, count: number, stride: number): void {
  if (count === vec.lanes && stride === vec.size) f.get(address).get(x).mem("v128.store", offset);
  else
    for (let lane = 0; lane < count; lane++)
      f.get(address)
        .get(x)
        .memLane(vec.storeLane, lane, offset + lane * stride);
}

/** Transposes the lanes x lanes block held in `rows`, in place. */
export function transpose(f: FuncBuilder, vec: Vec, rows: readonly Local[]): void {
  const pair = (x: Local, y: Local, lanes: readonly number[]): Local => {
    const size = 16 / lanes.length;
    const to = f.local("v128");
    f.get(x)
      .get(y)
      .shuffle(lanes.flatMap(lane => Array.from({ length: size }, (_, i) => lane * size + i)))
      .set(to);
    return to;
  };
  const [r0, r1, r2, r3] = rows;
  if (!r0 || !r1) throw new InternalError(`transpose needs ${vec.lanes} rows, got ${rows.length}`);
  const halves = (x: Local, y: Local, into: readonly [Local, Local]): void => {
    const high = pair(x, y, [1, 3]);
    f.get(pair(x, y, [0, 2]))
      .set(into[0])
      .get(high)
      .set(into[1]);
  };
  if (!r2 || !r3) {
    halves(r0, r1, [r0, r1]);
    return;
  }
  const [t0, t1] = [pair(r0, r1, [0, 4, 1, 5]), pair(r2, r3, [0, 4, 1, 5])];
  const [t2, t3] = [pair(r0, r1, [2, 6, 3, 7]), pair(r2, r3, [2, 6, 3, 7])];
  halves(t0, t1, [r0, r1]);
  halves(t2, t3, [r2, r3]);
}
