// mma.sync: D = A B + C, the operands spread over the lanes of a warp as the ISA draws them. With g = lane / 4 and t = lane % 4, a register of A that holds e elements covers
// row g or g + 8 and columns t e .. t e + e - 1 of a group of 4 e; B likewise with its column g; C holds rows g, g + 8 and columns 2t, 2t + 1.
// Products are exact, the sum is taken in f64 from the left and rounded once: the hardware's own order and width are not specified.
import { plain, type Decoder, type Decoding } from "../decode.ts";
import { bf16OfBits, bitsOfF16, E4M3, E5M2, F16, f16OfBits, f32OfBits, fp8OfBits, roundTo } from "../numbers/formats.ts";
import { fma64 } from "../numbers/floats.ts";
import type { Action } from "../program.ts";
import type { Warp } from "../warp.ts";
import { aligned } from "./control.ts";

/** An element type of A and B: how many fit a register, and what their bits mean. */
export interface Element {
  readonly bits: 8 | 16 | 32;
  readonly value: (bits: number) => number;
}
/** By name. tf32 uses the upper 19 bits of its register. */
export const ELEMENTS: Readonly<Record<string, Element>> = {
  f16: { bits: 16, value: f16OfBits },
  bf16: { bits: 16, value: bf16OfBits },
  tf32: { bits: 32, value: b => f32OfBits(b & ~0x1fff) },
  e4m3: { bits: 8, value: b => fp8OfBits(b, E4M3) },
  e5m2: { bits: 8, value: b => fp8OfBits(b, E5M2) },
  s8: { bits: 8, value: b => (b << 24) >> 24 },
  u8: { bits: 8, value: b => b },
};

/** Spread registers of A (16 rows) into rows of `k` numbers. */
export function unpackA(w: Warp, slots: readonly number[], k: number, e: Element, into: Float64Array): void {
  const per = 32 / e.bits,
    keep = e.bits === 32 ? -1 : (1 << e.bits) - 1;
  slots.forEach((slot, j) => {
    for (let l = 0; l < 32; l++) {
      const x = w.i32[slot + l] as number, // a lane of a source
        row = (l >> 2) + 8 * (j & 1),
        col = (l & 3) * per + 4 * per * (j >> 1);
      for (let q = 0; q < per; q++) into[row * k + col + q] = e.value((x >>> (q * e.bits)) & keep);
    }
  });
}
/** Spread registers of B (8 columns) into columns of `k` numbers. */
function unpackB(w: Warp, slots: readonly number[], k: number, e: Element, into: Float64Array): void {
  const per = 32 / e.bits,
    keep = e.bits === 32 ? -1 : (1 << e.bits) - 1;
  slots.forEach((slot, j) => {
    for (let l = 0; l < 32; l++) {
      const x = w.i32[slot + l] as number, // a lane of a source
        row = (l & 3) * per + 4 * per * j;
      for (let q = 0; q < per; q++) into[(l >> 2) * k + row + q] = e.value((x >>> (q * e.bits)) & keep);
    }
  });
}
/** One output: c plus the dot product of a row of A and a column of B. */
export function dot(c: number, a: Float64Array, at: number, b: Float64Array, bt: number, k: number): number {
  let s = c;
  for (let q = 0; q < k; q++) s += (a[at + q] as number) * (b[bt + q] as number); // in bounds
  return s;
}
const A = new Float64Array(16 * 32),
  B = new Float64Array(8 * 32);

/** A shape of mma.sync: registers of A, B and C for f32 (or s32) accumulators. */
const SHAPES: Readonly<Record<string, { readonly k: number; readonly bits: 8 | 16 | 32; readonly a: number; readonly b: number }>> = {
  "m16n8k8 16": { k: 8, bits: 16, a: 2, b: 1 },
  "m16n8k16 16": { k: 16, bits: 16, a: 4, b: 2 },
  "m16n8k4 32": { k: 4, bits: 32, a: 2, b: 1 },
  "m16n8k8 32": { k: 8, bits: 32, a: 4, b: 2 },
  "m16n8k16 8": { k: 16, bits: 8, a: 2, b: 1 },
  "m16n8k32 8": { k: 32, bits: 8, a: 4, b: 2 },
};

function mma(d: Decoding): Action {
  d.must(["sync"]);
  d.must(["aligned"]);
  const name = d.must(["m8n8k4", "m16n8k4", "m16n8k8", "m16n8k16", "m16n8k32"]);
  d.must(["row"]);
  d.must(["col"]);
  d.count(4);
  const types = Object.keys(ELEMENTS),
    cType = d.type(["f32", "f16", "s32", "f64"]);
  if (cType === "f64") return mma64(d, name);
  const bType = d.type(types),
    aType = d.type(types),
    dType = d.type(["f32", "f16", "s32"]),
    ea = ELEMENTS[aType],
    eb = ELEMENTS[bType],
    integer = aType === "s8" || aType === "u8",
    s = ea && SHAPES[`${name} ${ea.bits}`];
  if (!s || !ea || !eb || ea.bits !== eb.bits || (ea.bits > 8 && aType !== bType) || dType !== cType || integer !== (cType === "s32"))
    return d.fail("no such mma");
  if (cType === "f16" && aType !== "f16") d.fail("f16 accumulators are for f16");
  if (integer) d.take("satfinite");
  if (aType === "f16" && name === "m16n8k8") d.needs(75, 6.5);
  else if (aType === "e4m3" || aType === "e5m2") d.needs(89, 8.4);
  else d.needs(80, 7.0);
  const slots = (i: number, type: string, n: number): number[] => {
    const parts = d.vector(d.operand(i));
    if (parts.length !== n) d.fail(`operand ${i + 1} has ${parts.length} registers, not ${n}`);
    return parts.map(p => d.source(p, type));
  };
  const a = slots(1, "b32", s.a),
    b = slots(2, "b32", s.b),
    n = cType === "f16" ? 2 : 4,
    c = slots(3, cType === "f16" ? "b32" : cType, n),
    to = d.vector(d.operand(0)).map(o => d.target(o, cType === "f16" ? "b32" : cType));
  if (to.length !== n) d.fail(`the result has ${to.length} registers, not ${n}`);
  const { k } = s;
  return plain((w, mask) => {
    aligned(w, mask);
    unpackA(w, a, k, ea, A);
    unpackB(w, b, k, eb, B);
    for (let l = 0; l < 32; l++)
      for (let h = 0; h < 2; h++) {
        const row = ((l >> 2) + 8 * h) * k,
          column = 2 * (l & 3) * k;
        if (cType === "f16") {
          const x = w.i32[(c[h] ?? 0) + l] as number; // a lane of a source
          w.i32[(to[h] ?? 0) + l] =
            bitsOfF16(roundTo(dot(f16OfBits(x & 0xffff), A, row, B, column, k), F16)) |
            (bitsOfF16(roundTo(dot(f16OfBits(x >>> 16), A, row, B, column + k, k), F16)) << 16);
        } else
          for (let j = 0; j < 2; j++) {
            const from = (c[2 * h + j] ?? 0) + l,
              into = (to[2 * h + j] ?? 0) + l;
            if (integer) w.i32[into] = dot(w.i32[from] as number, A, row, B, column + j * k, k); // |sum| < 2^53, then cut to 32 bits
            else writeF32(w, into, dot(w.f32[from] as number, A, row, B, column + j * k, k));
          }
      }
  });
}
/** An f32 result with the canonical NaN. */
export function writeF32(w: Warp, at: number, x: number): void {
  if (x !== x) w.i32[at] = 0x7fffffff;
  else w.f32[at] = x;
}
/** m8n8k4 of f64: a lane holds A[g][t], B[t][g], C[g][2t] and C[g][2t+1]; a chain of fused multiply-adds. */
function mma64(d: Decoding, name: string): Action {
  for (let i = 0; i < 3; i++) d.type(["f64"]);
  if (name !== "m8n8k4") d.fail("no such mma of f64");
  d.needs(80, 7.0);
  d.take("rn");
  const a = d.vector(d.operand(1)).map(o => d.source(o, "f64"))[0] ?? 0,
    b = d.vector(d.operand(2)).map(o => d.source(o, "f64"))[0] ?? 0,
    c = d.vector(d.operand(3)).map(o => d.source(o, "f64")),
    to = d.vector(d.operand(0)).map(o => d.target(o, "f64"));
  if (c.length !== 2 || to.length !== 2) d.fail("two accumulators are needed");
  return plain((w, mask) => {
    aligned(w, mask);
    const D = w.f64,
      X = D.slice(a >> 1, (a >> 1) + 32),
      Y = D.slice(b >> 1, (b >> 1) + 32);
    for (let l = 0; l < 32; l++)
      for (let j = 0; j < 2; j++) {
        let s = D[((c[j] ?? 0) >> 1) + l] as number; // a lane of a source
        for (let q = 0; q < 4; q++) s = fma64(X[(l >> 2) * 4 + q] as number, Y[(2 * (l & 3) + j) * 4 + q] as number, s);
        D[((to[j] ?? 0) >> 1) + l] = s;
      }
  });
}

/** mma. */
export const MMA: Readonly<Record<string, Decoder>> = { mma };
