// atom and red: the lanes of a warp one after another, each whole.
import { plain, type Decoder, type Decoding } from "../decode.ts";
import { BF16, bf16OfBits, bitsOfBf16, bitsOfF16, F16, f16OfBits, roundTo } from "../numbers/formats.ts";
import { oddSum } from "../numbers/floats.ts";
import type { Action } from "../program.ts";
import { TYPE_BYTES } from "../text/syntax.ts";
import { accessing, AT, spaceOf, type Access } from "./address.ts";

const OPS = ["add", "min", "max", "and", "or", "xor", "exch", "cas", "inc", "dec"] as const;
type Op = (typeof OPS)[number];
const TYPES = ["b32", "u32", "s32", "b64", "u64", "s64", "f32", "f64", "f16x2", "bf16x2", "f16", "bf16"] as const;
type Type = (typeof TYPES)[number];

const ALLOWED: Readonly<Record<Op, readonly Type[]>> = {
  add: ["u32", "s32", "u64", "f32", "f64", "f16x2", "bf16x2", "f16", "bf16"],
  min: ["u32", "s32", "u64", "s64", "f16x2", "bf16x2", "f16", "bf16"],
  max: ["u32", "s32", "u64", "s64", "f16x2", "bf16x2", "f16", "bf16"],
  and: ["b32", "b64"],
  or: ["b32", "b64"],
  xor: ["b32", "b64"],
  exch: ["b32", "b64"],
  cas: ["b32", "b64"],
  inc: ["u32"],
  dec: ["u32"],
};
/** The new value of an element from its old value and the operands. Values are bigints of the type. */
function combine(op: Op, type: Type): (old: bigint, x: bigint, y: bigint) => bigint {
  const signed = type[0] === "s",
    bits = (TYPE_BYTES[type] ?? 4) * 8,
    value = (v: bigint): bigint => (signed ? BigInt.asIntN(bits, v) : v);
  switch (op) {
    case "add":
      return type === "f32" || type === "f64" ? floatAdd(type) : /f16/.test(type) ? halfOp(type, oddSum) : (old, x) => old + x;
    case "min":
      return /f16/.test(type) ? halfOp(type, Math.min) : (old, x) => (value(x) < value(old) ? x : old);
    case "max":
      return /f16/.test(type) ? halfOp(type, Math.max) : (old, x) => (value(x) > value(old) ? x : old);
    case "and":
      return (old, x) => old & x;
    case "or":
      return (old, x) => old | x;
    case "xor":
      return (old, x) => old ^ x;
    case "exch":
      return (_, x) => x;
    case "cas":
      return (old, x, y) => (old === x ? y : old);
    case "inc":
      return (old, x) => (old >= x ? 0n : old + 1n);
    default:
      return (old, x) => (old === 0n || old > x ? x : old - 1n);
  }
}
const scratch = new DataView(new ArrayBuffer(8));
function floatAdd(type: "f32" | "f64"): (old: bigint, x: bigint) => bigint {
  const bits = type === "f32" ? 32 : 64;
  const read = (v: bigint): number => {
    if (bits === 32) scratch.setUint32(0, Number(v));
    else scratch.setBigUint64(0, v);
    return bits === 32 ? scratch.getFloat32(0) : scratch.getFloat64(0);
  };
  return (old, x) => {
    const s = read(old) + read(x);
    if (s !== s) return bits === 32 ? 0x7fffffffn : 0x7ff8000000000000n;
    if (bits === 32) {
      scratch.setFloat32(0, s);
      return BigInt(scratch.getUint32(0));
    }
    scratch.setFloat64(0, s);
    return scratch.getBigUint64(0);
  };
}
function halfOp(type: string, f: (a: number, b: number) => number): (old: bigint, x: bigint) => bigint {
  const b = type.startsWith("b"),
    one = (p: number, q: number): number =>
      b
        ? bitsOfBf16(roundTo(f(bf16OfBits(p & 0xffff), bf16OfBits(q & 0xffff)), BF16))
        : bitsOfF16(roundTo(f(f16OfBits(p & 0xffff), f16OfBits(q & 0xffff)), F16)),
    pair = type.endsWith("x2");
  return (old, x) => {
    const p = Number(old),
      q = Number(x);
    return BigInt((one(p, q) | (pair ? one(p >>> 16, q >>> 16) << 16 : 0)) >>> 0);
  };
}

const atomic =
  (returns: boolean): Decoder =>
  (d: Decoding): Action => {
    const type = d.type(TYPES),
      space = spaceOf(d),
      op = d.must(OPS),
      count = Number(d.oneOf(["v2", "v4", "v8"])?.slice(1) ?? 1),
      bytes = TYPE_BYTES[type] ?? 4;
    if (!ALLOWED[op].includes(type)) d.fail(`${op} has no .${type}`);
    const order = d.oneOf(["relaxed", "acquire", "release", "acq_rel"]);
    d.ignore("cta", "cluster", "gpu", "sys", "noftz");
    if (type === "bf16x2" || type === "bf16") d.needs(90, 7.8);
    if (count > 1) d.needs(90, 8.1);
    d.count((returns ? 2 : 1) + (op === "cas" ? 2 : 1));
    const at = returns ? 1 : 0,
      slots = d.vector(d.operand(at + 1)).map(o => d.source(o, type)),
      third = op === "cas" ? d.source(d.operand(at + 2), type) : 0,
      out = returns ? d.vector(d.operand(0)).map(o => (o.kind === "sink" ? undefined : d.target(o, type))) : [],
      next = combine(op, type),
      races = d.machine.races;
    if (slots.length !== count) d.fail(`${slots.length} registers for ${count} elements`);
    const access: Access = (w, mask, m, block) => {
      if (races) w.block.launch.races?.access(w, mask, m, block, AT, bytes * count, "atomic");
      if (races)
        w.block.launch.races?.signal(
          w,
          mask,
          m,
          AT,
          order === "acquire" || order === "acq_rel",
          order === "release" || order === "acq_rel",
        );
      for (let l = 0; l < 32; l++) {
        if (((mask >>> l) & 1) === 0) continue;
        for (let k = 0; k < count; k++) {
          const i = (AT[l] as number) + k * bytes, // AT has 32
            slot = slots[k] ?? 0,
            to = out[k];
          if (bytes === 8) {
            const old = m.u64[i / 8] as bigint;
            m.u64[i / 8] = next(old, w.u64[(slot >> 1) + l] as bigint, w.u64[(third >> 1) + l] as bigint);
            if (to !== undefined) w.u64[(to >> 1) + l] = old;
          } else {
            const old = bytes === 2 ? (m.u16[i / 2] as number) : (m.u32[i / 4] as number),
              v = next(BigInt(old), BigInt(w.u32[slot + l] as number), BigInt(w.u32[third + l] as number));
            if (bytes === 2) m.u16[i / 2] = Number(v);
            else m.u32[i / 4] = Number(BigInt.asUintN(32, v));
            if (to !== undefined) w.u32[to + l] = old;
          }
        }
      }
    };
    return plain(accessing(d, d.operand(at), space, bytes * count, access));
  };

/** atom, red. */
export const ATOMIC: Readonly<Record<string, Decoder>> = { atom: atomic(true), red: atomic(false) };
