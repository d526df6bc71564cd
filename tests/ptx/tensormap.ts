// A tensor map: 128 bytes that tell a bulk copy how a tensor lies in global memory and which box of it to move. The hardware's own encoding is secret, as a program may only
// pass it on; this one is ours, written by a driver built on the interpreter and read by the copy.
//   0 u32 mark · 4 u8 element bytes, rank, swizzle, fill · 8 u64 address · 16 5 x u64 dimensions · 56 4 x u64 strides in bytes (of dimensions 1…) · 88 5 x u32 box
import { PtxFault } from "./errors.ts";

/** What a map says. Dimension 0 is the contiguous one. `swizzle`: bytes of the pattern (0: none). `fill`: what is read outside the tensor. */
export interface TensorMap {
  readonly address: bigint;
  readonly elementBytes: 1 | 2 | 4 | 8;
  readonly dimensions: readonly number[];
  readonly strides: readonly number[];
  readonly box: readonly number[];
  readonly swizzle: 0 | 32 | 64 | 128;
  readonly fill: "zero" | "nan";
}
/** Bytes of a map; its address is a multiple of 64. */
export const TENSOR_MAP_BYTES = 128;
const MARK = 0x50414d54;

/** The 128 bytes. @throws RangeError where cuTensorMapEncodeTiled would refuse */
export function encodeTensorMap(m: TensorMap): Uint8Array {
  const rank = m.dimensions.length,
    bad = (what: string): never => {
      throw new RangeError(`tensor map: ${what}`);
    };
  if (rank < 1 || rank > 5) bad(`rank ${rank}`);
  if (m.box.length !== rank || m.strides.length !== rank - 1)
    bad(`${m.box.length} box sizes and ${m.strides.length} strides for rank ${rank}`);
  if (m.address % 16n !== 0n) bad("the address is not a multiple of 16");
  if (m.dimensions.some(n => n < 1 || n > 2 ** 32)) bad(`dimensions ${m.dimensions.join(", ")}`);
  if (m.strides.some(s => s % 16 !== 0 || s <= 0 || s >= 2 ** 40)) bad(`strides ${m.strides.join(", ")}: multiples of 16 are needed`);
  if (m.box.some(n => n < 1 || n > 256)) bad(`box ${m.box.join(", ")}: 1 to 256 are allowed`);
  const inner = (m.box[0] ?? 0) * m.elementBytes;
  if (inner % 16 !== 0) bad(`${inner} bytes in a row of the box: a multiple of 16 is needed`);
  if (m.swizzle !== 0 && inner > m.swizzle) bad(`${inner} bytes in a row of the box: at most the ${m.swizzle} of the swizzle`);
  const v = new DataView(new ArrayBuffer(TENSOR_MAP_BYTES));
  v.setUint32(0, MARK, true);
  [m.elementBytes, rank, m.swizzle, m.fill === "nan" ? 1 : 0].forEach((x, i) => v.setUint8(4 + i, x));
  v.setBigUint64(8, m.address, true);
  m.dimensions.forEach((n, i) => v.setBigUint64(16 + 8 * i, BigInt(n), true));
  m.strides.forEach((n, i) => v.setBigUint64(56 + 8 * i, BigInt(n), true));
  m.box.forEach((n, i) => v.setUint32(88 + 4 * i, n, true));
  return new Uint8Array(v.buffer);
}
/** The map in these bytes. @throws PtxFault if it is none */
export function decodeTensorMap(bytes: Uint8Array): TensorMap {
  const v = new DataView(bytes.buffer, bytes.byteOffset, TENSOR_MAP_BYTES);
  if (v.getUint32(0, true) !== MARK) throw new PtxFault("address", "there is no tensor map");
  const rank = v.getUint8(5),
    list = (n: number, f: (i: number) => number): number[] => Array.from({ length: n }, (_, i) => f(i));
  return {
    address: v.getBigUint64(8, true),
    elementBytes: v.getUint8(4) as 1 | 2 | 4 | 8, // as encoded
    dimensions: list(rank, i => Number(v.getBigUint64(16 + 8 * i, true))),
    strides: list(rank - 1, i => Number(v.getBigUint64(56 + 8 * i, true))),
    box: list(rank, i => v.getUint32(88 + 4 * i, true)),
    swizzle: v.getUint8(6) as 0 | 32 | 64 | 128, // as encoded
    fill: v.getUint8(7) === 1 ? "nan" : "zero",
  };
}
/** Bytes that a copy of the box moves, inside the tensor or not. */
export const boxBytes = (m: TensorMap): number => m.box.reduce((a, b) => a * b, m.elementBytes);

/** The swizzle of a shared address: bits of its 128-byte row number flip bits of its 16-byte chunk number. */
export const swizzled = (at: number, swizzle: number): number => (swizzle === 0 ? at : at ^ (((at >>> 7) & (swizzle / 16 - 1)) << 4));

/** Calls `visit` for each row of the box at `coordinates`: its place in shared memory, before swizzling, from `at`; where it begins in global memory; which of its
 *  elements lie inside the tensor (none: from = to). */
export function forEachRow(
  m: TensorMap,
  coordinates: readonly number[],
  at: number,
  visit: (shared: number, global: bigint, from: number, to: number) => void,
): void {
  const [inner = 1, ...outer] = m.box,
    rows = outer.reduce((a, b) => a * b, 1),
    c0 = coordinates[0] ?? 0,
    from = Math.min(inner, Math.max(0, -c0)),
    to = Math.max(from, Math.min(inner, (m.dimensions[0] ?? 0) - c0));
  for (let r = 0; r < rows; r++) {
    let q = r,
      inside = true,
      offset = BigInt(c0 * m.elementBytes);
    outer.forEach((n, i) => {
      const x = (coordinates[i + 1] ?? 0) + (q % n);
      q = Math.floor(q / n);
      if (x < 0 || x >= (m.dimensions[i + 1] ?? 0)) inside = false;
      offset += BigInt(x) * BigInt(m.strides[i] ?? 0);
    });
    visit(at + r * inner * m.elementBytes, m.address + offset, inside ? from : 0, inside ? to : 0);
  }
}
