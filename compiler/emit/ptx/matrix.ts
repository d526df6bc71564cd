// Fragments, their products and asynchronous copies as PTX for capability 80 and up: ldmatrix, mma.sync, cp.async. A fragment is four registers a thread: of 16-bit floats in twos, or of f32 as
// tf32 numbers, of which there are two sets where they have two terms.
import { byteSize } from "../../../runtime/dtype.ts";
import { InternalError } from "../../../runtime/errors/error.ts";
import { along, spotsOf, type Fragment } from "../../ir/fragment.ts";
import type { MatrixStmt } from "../../ir/tiled.ts";
import { swizzled, type Place } from "./memory.ts";
import type { Code } from "./registers.ts";
import { packPair } from "./scalar.ts";

type Load = Extract<MatrixStmt, { kind: "loadFragment" }>;
/** Registers of a fragment: of the values, and of what rounding them left, for two terms. */
interface Held {
  readonly main: readonly string[];
  readonly rest: readonly string[];
}
/** How loads of a kind are made: `matrices`: all four registers at once, transposed or not; else one by one. Equal names, equal offsets of lanes. */
const shapeOf = ({
  into,
  rows,
  cols,
}: Pick<Load, "into" | "rows" | "cols">): { readonly name: string; readonly matrices: boolean; readonly transposed: boolean } => {
  const across = into.side === "lhs" ? rows === 1 : cols === 1; // neighbours in memory are not neighbours in the contracted index
  return {
    name: `${into.side} ${into.dtype} ${rows} ${cols} ${into.paired}`,
    matrices: into.dtype !== "f32" || !(across || into.paired),
    transposed: across,
  };
};
const log2 = (n: number): number => 31 - Math.clz32(n);

/** The fragments of one kernel. */
export class Fragments {
  private readonly c: Code;
  private readonly held = new Map<number, Held>();
  private readonly offsets = new Map<string, string>();
  private addresses = new Map<string, string>();
  private lane: { readonly whole: string; readonly quad: string; readonly place: string } | undefined;
  constructor(c: Code) {
    this.c = c;
  }
  /** Before the first statement: what a lane adds to the index of a load of this shape. */
  prepare(s: Pick<Load, "into" | "rows" | "cols">, lane: string): void {
    const { c } = this,
      { name, matrices } = shapeOf(s);
    if (this.offsets.has(name)) return;
    if (!this.lane) {
      const whole = c.make("b32", "and.b32", lane, "31");
      this.lane = { whole, quad: c.make("b32", "shr.u32", whole, "2"), place: c.make("b32", "and.b32", whole, "3") };
    }
    const { whole, quad, place } = this.lane;
    if (!matrices) {
      const { row, col } = spotsOf(s.into)[0] ?? never(),
        step = (by: "g" | "t"): string => String(row[by] * s.rows + col[by] * s.cols);
      this.offsets.set(name, c.make("b32", "mad.lo.s32", quad, step("g"), c.make("b32", "mul.lo.s32", place, step("t"))));
      return;
    }
    // lane 8q + r points at row r of matrix q, which becomes register q: its element (g, t) goes to thread 4g + t
    const { row, col } = this.corner(s),
      r = c.make("b32", "and.b32", whole, "7"),
      low = c.make("b32", "and.b32", c.make("b32", "shr.u32", whole, "3"), "1"),
      high = c.make("b32", "shr.u32", whole, "4");
    let sum = c.make("b32", "mul.lo.s32", r, String(Math.max(s.rows, s.cols)));
    for (const [half, q] of [
      [low, 1],
      [high, 2],
    ] as const)
      sum = c.make("b32", "mad.lo.s32", half, String(row(q) * s.rows + col(q) * s.cols), sum);
    this.offsets.set(name, sum);
  }
  /** The first row and column that register `q` covers. */
  private corner({ into }: Pick<Load, "into">): { row(q: number): number; col(q: number): number } {
    const spots = spotsOf(into),
      per = spots.length / 4;
    return {
      row: q => along((spots[q * per] ?? spots[0] ?? never()).row, 0),
      col: q => along((spots[q * per] ?? spots[0] ?? never()).col, 0),
    };
  }
  /** Addresses of loads are known until this is called: control flow, or a variable that changes. */
  forget(): void {
    this.addresses = new Map();
  }

  /** `index` is a register or undefined for 0, `more` a constant beside it. */
  load(s: Load, p: Place, index: string | undefined, more: number): void {
    const { c } = this,
      { name, matrices, transposed } = shapeOf(s),
      size = byteSize(p.dtype),
      period = p.swizzle ? 2 ** (p.swizzle.shift + p.swizzle.bits) : 16;
    const addressOf = (extra: number): string => {
      const far = Math.floor(((more + extra) * size) / period) * period,
        at = more + extra - far / size,
        key = `${p.base} ${index} ${at} ${name}`;
      let known = this.addresses.get(key);
      if (known === undefined) {
        const offset = this.offsets.get(name) ?? never(),
          element = index === undefined ? offset : c.make("b32", "add.s32", index, offset),
          whole = at === 0 ? element : c.make("b32", "add.s32", element, String(at));
        this.addresses.set(
          key,
          (known = c.make("b32", "add.s32", p.base, swizzled(c, p, c.make("b32", "shl.b32", whole, String(log2(size)))))),
        );
      }
      return `[${known}${far === 0 ? "" : `+${far}`}]`;
    };
    const bits = Array.from({ length: 4 }, () => c.reg("b32"));
    if (matrices) c.put(`ldmatrix.sync.aligned.m8n8.x4${transposed ? ".trans" : ""}.shared.b16`, [`{${bits.join(", ")}}`, addressOf(0)]);
    else {
      const { row, col } = this.corner(s);
      bits.forEach((b, q) => c.put("ld.shared.b32", [b, addressOf(row(q) * s.rows + col(q) * s.cols)]));
    }
    this.held.set(s.into.id, s.into.dtype === "f32" ? this.split(bits, s.into.terms) : { main: bits, rest: [] });
  }
  /** f32 as tf32: rounded to the nearest, or cut off and the rest rounded. An infinity has no rest. */
  private split(bits: readonly string[], terms: Fragment["terms"]): Held {
    const { c } = this,
      rounded = (x: string): string => c.make("b32", "cvt.rna.tf32.f32", x);
    if (terms === 1) return { main: bits.map(b => rounded(c.make("f32", "mov.b32", b))), rest: [] };
    const main = bits.map(b => c.make("b32", "and.b32", b, "-8192"));
    const rest = bits.map((b, q) => {
      const x = c.make("f32", "mov.b32", b),
        left = c.make("f32", "sub.rn.f32", x, c.make("f32", "mov.b32", main[q] ?? b));
      return rounded(c.make("f32", "selp.f32", left, "0f00000000", c.make("pred", "testp.finite.f32", x)));
    });
    return { main, rest };
  }
  /** A fragment from values, f32 registers. */
  pack(into: Fragment, values: readonly string[]): void {
    const { c } = this,
      { dtype } = into;
    if (dtype === "f32") {
      this.held.set(
        into.id,
        this.split(
          values.map(v => c.make("b32", "mov.b32", v)),
          into.terms,
        ),
      );
      return;
    }
    const main = Array.from({ length: 4 }, (_, q) => packPair(c, dtype, values[2 * q] ?? never(), values[2 * q + 1] ?? never()));
    this.held.set(into.id, { main, rest: [] });
  }
  /** The registers of a fragment of 16-bit floats. */
  registersOf(f: Fragment): readonly string[] {
    return this.of(f).main;
  }
  private of(f: Fragment): Held {
    const held = this.held.get(f.id);
    if (!held) throw new InternalError("a fragment is multiplied that nothing was loaded into");
    return held;
  }
  /** sums += lhs rhs: two instructions of 8 columns, for every pair of terms but the two rests; the smallest first. */
  multiply(sums: readonly string[], lhs: Fragment, rhs: Fragment): void {
    const a = this.of(lhs),
      b = this.of(rhs);
    const op = lhs.dtype === "f32" ? "m16n8k8.row.col.f32.tf32.tf32.f32" : `m16n8k16.row.col.f32.${lhs.dtype}.${lhs.dtype}.f32`;
    const pairs: [readonly string[], readonly string[]][] =
      lhs.terms === 2
        ? [
            [a.rest, b.main],
            [a.main, b.rest],
            [a.main, b.main],
          ]
        : [[a.main, b.main]];
    for (const [x, y] of pairs)
      for (const half of [0, 1]) {
        const sum = `{${sums.slice(4 * half, 4 * half + 4).join(", ")}}`;
        this.c.put(`mma.sync.aligned.${op}`, [sum, `{${x.join(", ")}}`, `{${y.slice(2 * half, 2 * half + 2).join(", ")}}`, sum]);
      }
  }
}
const never = (): never => {
  throw new InternalError("a fragment without a register");
};
/** A copy of so many bytes to a shared address; `present`: a register with how many of them there are. */
export function copyAsync(c: Code, to: string, from: string, bytes: number, present: string | undefined): void {
  c.put(`cp.async.${bytes === 16 ? "cg" : "ca"}.shared.global`, [to, from, String(bytes), ...(present === undefined ? [] : [present])]);
}
