// setp and set: comparisons, alone or combined with another predicate.
import type { Decoder, Decoding } from "../decode.ts";
import { plain } from "../decode.ts";
import { lanes, type LaneFunction } from "../lanes.ts";
import { bf16OfBits, f16OfBits } from "../numbers/formats.ts";
import { flush } from "../numbers/floats.ts";
import { less64s, less64u } from "../numbers/words.ts";

type Compare = (a: number, b: number) => boolean;
const ORDERED: Readonly<Record<string, Compare>> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
};
const UNSIGNED_NAMES: Readonly<Record<string, string>> = { lo: "lt", ls: "le", hi: "gt", hs: "ge" };
/** Floats: the plain comparisons are false where either is NaN, those with u true. */
const FLOATS: Readonly<Record<string, Compare>> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b && a === a && b === b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
  equ: (a, b) => a === b || a !== a || b !== b,
  neu: (a, b) => a !== b,
  ltu: (a, b) => !(a >= b),
  leu: (a, b) => !(a > b),
  gtu: (a, b) => !(a <= b),
  geu: (a, b) => !(a < b),
  num: (a, b) => a === a && b === b,
  nan: (a, b) => a !== a || b !== b,
};
type Compare64 = (al: number, ah: number, bl: number, bh: number) => boolean;
const wide = (less: Compare64): Readonly<Record<string, Compare64>> => ({
  eq: (al, ah, bl, bh) => al === bl && ah === bh,
  ne: (al, ah, bl, bh) => al !== bl || ah !== bh,
  lt: less,
  gt: (al, ah, bl, bh) => less(bl, bh, al, ah),
  le: (al, ah, bl, bh) => !less(bl, bh, al, ah),
  ge: (al, ah, bl, bh) => !less(al, ah, bl, bh),
});
const WIDE = { s: wide(less64s), u: wide(less64u) } as const;
const SHORT: Readonly<Record<string, Compare>> = Object.fromEntries(
  Object.entries(ORDERED).map(([k, f]) => [k, (a: number, b: number) => f((a << 16) >> 16, (b << 16) >> 16)]),
);
const halves = (of: (h: number) => number): Readonly<Record<string, Compare>> =>
  Object.fromEntries(Object.entries(FLOATS).map(([k, f]) => [k, (a: number, b: number) => f(of(a & 0xffff), of(b & 0xffff))]));
const HALF = { f16: halves(f16OfBits), bf16: halves(bf16OfBits) } as const;
const FLUSHED: Readonly<Record<string, Compare>> = Object.fromEntries(
  Object.entries(FLOATS).map(([k, f]) => [k, (a: number, b: number) => f(flush(a), flush(b))]),
);

const TYPES = ["b16", "s16", "u16", "b32", "s32", "u32", "b64", "s64", "u64", "f32", "f64", "f16", "bf16"] as const;
const OPS = ["eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"] as const;

/** The signature and function of a comparison. */
function comparison(d: Decoding): { readonly signature: string; readonly fn: LaneFunction; readonly type: string } {
  const type = d.type(TYPES),
    op = d.must(OPS),
    plainly = UNSIGNED_NAMES[op] ?? op,
    none = (): never => d.fail(`.${op} does not compare .${type}`);
  if (type.startsWith("b") && type !== "bf16" && op !== "eq" && op !== "ne") none();
  switch (type) {
    case "f32":
      return { signature: "ff", fn: (d.take("ftz") ? FLUSHED : FLOATS)[op] ?? none(), type };
    case "f64":
      return { signature: "dd", fn: FLOATS[op] ?? none(), type };
    case "f16":
    case "bf16":
      d.take("ftz");
      return { signature: "ii", fn: HALF[type][op] ?? none(), type };
    case "s16":
      return { signature: "ii", fn: SHORT[plainly] ?? none(), type };
    case "s32":
      return { signature: "ii", fn: ORDERED[plainly] ?? none(), type };
    case "s64":
      return { signature: "ll", fn: WIDE.s[plainly] ?? none(), type };
    case "u64":
    case "b64":
      return { signature: "ll", fn: WIDE.u[plainly] ?? none(), type };
    default:
      return { signature: "uu", fn: ORDERED[plainly] ?? none(), type };
  }
}

/** setp, set. */
export const COMPARE: Readonly<Record<string, Decoder>> = {
  setp: d => {
    const { signature, fn, type } = comparison(d),
      combine = d.oneOf(["and", "or", "xor"]);
    d.count(combine ? 4 : 3);
    const a = d.source(d.operand(1), type),
      b = d.source(d.operand(2), type),
      c = combine ? d.predicate(d.operand(3)) : 0,
      to = d.operand(0),
      first = d.predicateTarget(to.kind === "pair" ? to.first : to),
      second = to.kind === "pair" ? d.predicateTarget(to.second) : undefined;
    if (first !== undefined && second === undefined && !combine) return plain(lanes(`${signature}>p`, fn, first, a, b));
    const scratch = d.scratchPredicate(),
      run = lanes(`${signature}>p`, fn, scratch, a, b);
    return plain((w, mask) => {
      run(w, mask);
      const p = w.preds,
        x = p[scratch] as number, // predicates of this kernel
        y = c < 0 ? ~(p[~c] as number) : (p[c] as number),
        with1 = combine === "and" ? x & y : combine === "or" ? x | y : combine === "xor" ? x ^ y : x,
        with2 = combine === "and" ? ~x & y : combine === "or" ? ~x | y : combine === "xor" ? ~x ^ y : ~x;
      if (first !== undefined) p[first] = ((p[first] as number) & ~mask) | (with1 & mask);
      if (second !== undefined) p[second] = ((p[second] as number) & ~mask) | (with2 & mask);
    });
  },
  set: d => {
    const { signature, fn, type } = comparison(d),
      t = d.type(["u32", "s32", "f32"]);
    d.count(3);
    const a = d.source(d.operand(1), type),
      b = d.source(d.operand(2), type),
      to = d.target(d.operand(0), t),
      scratch = d.scratchPredicate(),
      yes = t === "f32" ? 0x3f800000 : -1,
      run = lanes(`${signature}>p`, fn, scratch, a, b);
    return plain((w, mask) => {
      run(w, mask);
      const p = w.preds[scratch] as number; // a predicate of this kernel
      for (let l = 0; l < 32; l++) if (((mask >>> l) & 1) === 1) w.i32[to + l] = ((p >>> l) & 1) === 1 ? yes : 0;
    });
  },
};
