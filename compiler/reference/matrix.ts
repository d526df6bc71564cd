// Fragments, their products and asynchronous copies on plain numbers, for the interpreter of tiled kernels. Copies land when their group is waited for, not before.
import { byteSize, type DType } from "../../runtime/dtype.ts";
import { InternalError } from "../../runtime/errors/error.ts";
import { along, BLOCK, depthOf, SUMS, spotsOf, type Fragment, type Spot } from "../ir/fragment.ts";
import { round } from "./scalar.ts";

/** Which thread of a subgroup holds each element, and as its how manieth: [row * columns + column]. */
interface Owners {
  readonly lane: readonly number[];
  readonly element: readonly number[];
}
const known = new Map<string, Owners>();
function ownersOf(f: Fragment): Owners {
  const key = `${f.side} ${f.dtype} ${f.paired}`;
  let owners = known.get(key);
  if (!owners) {
    const lane: number[] = [],
      element: number[] = [],
      width = f.side === "lhs" ? depthOf(f.dtype) : BLOCK;
    for (let l = 0; l < 32; l++)
      spotsOf(f).forEach((s, e) => {
        const at = along(s.row, l) * width + along(s.col, l);
        lane[at] = l;
        element[at] = e;
      });
    known.set(key, (owners = { lane, element }));
  }
  return owners;
}

/** The fragments that one thread holds its part of. */
export class Fragments {
  private readonly lane: number;
  private readonly held = new Map<number, readonly number[]>();
  constructor(lane: number) {
    this.lane = lane % 32;
  }
  /** Element (row, column) of each of the thread's elements comes from `read`. */
  load(f: Fragment, read: (row: number, col: number) => number): void {
    this.set(
      f,
      spotsOf(f).map((s: Spot) => read(along(s.row, this.lane), along(s.col, this.lane))),
    );
  }
  /** The thread's elements. */
  set(f: Fragment, values: readonly number[]): void {
    if (values.length !== spotsOf(f).length)
      throw new InternalError(`a thread holds ${spotsOf(f).length} elements of a fragment, not ${values.length}`);
    this.held.set(
      f.id,
      values.map(x => (f.dtype === "f32" ? (f.terms === 1 ? toTf32(x) : x) : round(f.dtype, x))),
    );
  }
  /** The thread's elements of both operands, for the others of its subgroup. */
  offer(lhs: Fragment, rhs: Fragment): readonly number[] {
    return [...this.of(lhs), ...this.of(rhs)];
  }
  /** What the product adds to each of the thread's sums; `from` is what the thread of a lane of the group offers. */
  product(lhs: Fragment, rhs: Fragment, group: number, from: (lane: number) => readonly number[]): number[] {
    const a = ownersOf(lhs),
      b = ownersOf(rhs),
      first = Math.floor(group / 32) * 32,
      depth = depthOf(lhs.dtype),
      skip = spotsOf(lhs).length;
    return SUMS.map(s => {
      const row = along(s.row, this.lane),
        col = along(s.col, this.lane);
      let sum = 0;
      for (let d = 0; d < depth; d++) {
        const p = row * depth + d,
          q = d * BLOCK + col;
        sum +=
          (from(first + (a.lane[p] ?? 0))[a.element[p] ?? 0] ?? NaN) * (from(first + (b.lane[q] ?? 0))[skip + (b.element[q] ?? 0)] ?? NaN);
      }
      return sum;
    });
  }
  private of(f: Fragment): readonly number[] {
    const values = this.held.get(f.id);
    if (!values) throw new InternalError("a fragment is multiplied that nothing was loaded into");
    return values;
  }
}
const scratch = new DataView(new ArrayBuffer(4));
/** The nearest number of 11 significant bits, ties away from zero. */
function toTf32(x: number): number {
  if (!Number.isFinite(x)) return x;
  scratch.setFloat32(0, x);
  scratch.setUint32(0, (scratch.getUint32(0) + 0x1000) & 0xffffe000);
  return scratch.getFloat32(0);
}

/** The copies that one thread has under way. */
export class Copies {
  private open: (() => void)[] = [];
  private readonly groups: (() => void)[][] = [];
  /** @throws InternalError for sizes that no card copies, and places that are not multiples of them */
  start(kernel: string, dtype: DType, count: number, to: number, from: number, land: () => void): void {
    const bytes = count * byteSize(dtype);
    if (![4, 8, 16].includes(bytes) || to % count !== 0 || from % count !== 0)
      throw new InternalError(`${kernel}: an asynchronous copy of ${bytes} bytes from ${from} to ${to}`);
    this.open.push(land);
  }
  commit(): void {
    this.groups.push(this.open);
    this.open = [];
  }
  wait(pending: number): void {
    while (this.groups.length > pending) for (const land of this.groups.shift() ?? []) land();
  }
}
