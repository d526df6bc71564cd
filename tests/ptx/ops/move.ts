// mov with packing and unpacking, cvta, selp, and the registers that change while a thread runs.
import type { Decoder, Decoding } from "../decode.ts";
import { plain } from "../decode.ts";
import { high, lanes, type LaneFunction, type Run } from "../lanes.ts";
import { CLUSTER_SHIFT, LOCAL_HIGH, PARAM_HIGH, SHARED_HIGH } from "../memory.ts";
import type { Action } from "../program.ts";
import { TYPE_BYTES } from "../text/syntax.ts";

const word = (a: number): number => a;
const words = (l: number, h: number): number => {
  high[0] = h;
  return l;
};
const TYPES = ["b16", "u16", "s16", "b32", "u32", "s32", "f32", "b64", "u64", "s64", "f64"] as const;
const bitsOf = (t: string): string => `b${8 * (TYPE_BYTES[t] ?? 4)}`;

const pick = (a: number, b: number, c: boolean): number => (c ? a : b);
const pick64 = (al: number, ah: number, bl: number, bh: number, c: boolean): number => {
  high[0] = c ? ah : bh;
  return c ? al : bl;
};

const pack16 = (a: number, b: number): number => (a & 0xffff) | (b << 16);
const pack8 = (a: number, b: number, c: number, d: number): number => (a & 255) | ((b & 255) << 8) | ((c & 255) << 16) | (d << 24);
const pack64 = (a: number, b: number): number => {
  high[0] = b;
  return a;
};
const pack4x16 = (a: number, b: number, c: number, d: number): number => {
  high[0] = pack16(c, d);
  return pack16(a, b);
};

/** mov.b32 d, {a, b} and mov.b32 {a, b}, d. */
function packed(d: Decoding): Action | undefined {
  const to = d.operand(0),
    from = d.operand(1);
  if (from.kind === "vector") {
    const t = d.type(["b16", "b32", "b64"]),
      n = from.parts.length,
      slots = (type: string): number[] => from.parts.map(p => d.source(p, type)),
      key = `${t}:${n}`;
    if (key === "b32:2") return plain(run(d, "ii>i", pack16, t, slots("b16")));
    if (key === "b32:4") return plain(run(d, "iiii>i", pack8, t, slots("b8")));
    if (key === "b64:2") return plain(run(d, "ii>l", pack64, t, slots("b32")));
    if (key === "b64:4") return plain(run(d, "iiii>l", pack4x16, t, slots("b16")));
    return d.fail(`mov.${t} does not pack ${n}`);
  }
  if (to.kind === "vector") {
    const t = d.type(["b16", "b32", "b64"]),
      n = to.parts.length,
      each = (TYPE_BYTES[t] ?? 4) / n;
    if (each !== 1 && each !== 2 && each !== 4) return d.fail(`mov.${t} does not unpack ${n}`);
    const from1 = d.source(from, t),
      wide = t === "b64" ? 2 : 1,
      parts = to.parts.map((p, i) => ({ slot: p.kind === "sink" ? -1 : d.target(p, `b${8 * each}`), byte: i * each }));
    const keep = each === 4 ? -1 : (1 << (8 * each)) - 1;
    return plain((w, mask) => {
      const R = w.i32;
      for (let left = mask; left !== 0; left &= left - 1) {
        const l = 31 - Math.clz32(left & -left),
          low = R[from1 + wide * l] as number, // slots lie in the file
          up = wide === 2 ? (R[from1 + 2 * l + 1] as number) : 0;
        for (const { slot, byte } of parts) if (slot >= 0) R[slot + l] = ((byte >= 4 ? up : low) >>> (8 * (byte & 3))) & keep;
      }
    });
  }
  return undefined;
}
const run = (d: Decoding, signature: string, fn: LaneFunction, t: string, slots: readonly number[]): Run =>
  lanes(signature, fn, d.target(d.operand(0), t), ...slots);

const CLOCKS = new Set(["%clock", "%clock_hi", "%clock64", "%globaltimer", "%globaltimer_lo"]);

/** mov, selp, cvta. */
export const MOVE: Readonly<Record<string, Decoder>> = {
  mov: d => {
    d.count(2);
    if (d.last() === "pred") {
      d.type(["pred"]);
      const a = d.predicate(d.operand(1)),
        to = d.predicateTarget(d.operand(0)) ?? d.fail("a result is needed");
      return plain((w, mask) => {
        const p = w.preds,
          x = a < 0 ? ~(p[~a] as number) : (p[a] as number); // a predicate of this kernel
        p[to] = ((p[to] as number) & ~mask) | (x & mask);
      });
    }
    const special = packed(d);
    if (special) return special;
    const t = d.type(TYPES),
      from = d.operand(1);
    if (from.kind === "name" && CLOCKS.has(from.name)) {
      // time is counted in instructions of the launch
      const to = d.target(d.operand(0), t),
        wide = TYPE_BYTES[t] === 8;
      return plain((w, mask) => {
        const now = w.block.launch.clock();
        for (let l = 0; l < 32; l++)
          if (((mask >>> l) & 1) === 1) {
            if (wide) w.u64[(to >> 1) + l] = BigInt(now);
            else w.u32[to + l] = now;
          }
      });
    }
    return TYPE_BYTES[t] === 8 ? d.map("l>l", words, [t, bitsLike(d, t)]) : d.map("i>i", word, [t, bitsLike(d, t)]);
  },
  selp: d => {
    const t = d.type(TYPES);
    return TYPE_BYTES[t] === 8 ? d.map("llp>l", pick64, [t, t, t, "pred"]) : d.map("iip>i", pick, [t, t, t, "pred"]);
  },
  mapa: d => {
    d.needs(90, 7.8);
    d.take("shared::cluster");
    const t = d.type(["u32", "u64"]);
    return t === "u32" ? d.map("ii>i", mapped, [t, t, "u32"]) : d.map("li>l", mapped64, [t, t, "u32"]);
  },
  cvta: d => {
    const t = d.type(["u64", "u32"]),
      back = d.take("to"),
      space = d.must(["global", "shared", "local", "const", "param", "shared::cta", "shared::cluster"]);
    if (t === "u32") d.fail("cvta of 32 bits is for 32-bit addresses");
    d.count(2);
    if (space === "param") return d.map("l>l", back ? words0 : toParam, ["u64", "u64"]);
    if (space === "global" || space === "const") return d.map("l>l", words, ["u64", "u64"]);
    const window = space === "local" ? LOCAL_HIGH : SHARED_HIGH;
    return d.map("l>l", back ? words0 : window === LOCAL_HIGH ? toLocal : toShared, ["u64", "u64"]);
  },
};
const toShared = (l: number): number => {
  high[0] = SHARED_HIGH;
  return l;
};
const toParam = (l: number): number => {
  high[0] = PARAM_HIGH;
  return l;
};
/** The shared address of the same place in another block of the cluster. */
const mapped = (a: number, rank: number): number => (a & 0xffffff) | ((rank + 1) << CLUSTER_SHIFT);
const mapped64 = (l: number, h: number, rank: number): number => {
  high[0] = h;
  return mapped(l, rank);
};
const toLocal = (l: number): number => {
  high[0] = LOCAL_HIGH;
  return l;
};
const words0 = (l: number): number => {
  high[0] = 0;
  return l;
};
/** mov moves bits: registers of integers and floats both will do where the constant's form fits. */
const bitsLike = (d: Decoding, t: string): string => (d.operand(1).kind === "float" || d.operand(1).kind === "decimal" ? t : bitsOf(t));
