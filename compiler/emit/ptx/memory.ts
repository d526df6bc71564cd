// Loads and stores of one element in each memory space, narrow dtypes widened to the registers that hold them.
import { byteSize, isFloat8, type DType, type Float8 } from "../../../runtime/dtype.ts";
import { bytesExpected } from "../float8.ts";
import type { Swizzle } from "../../ir/tiled.ts";
import { classOf, type Code } from "./registers.ts";
import { compare, packPair, toBits, unpackPair } from "./scalar.ts";

/** Where a buffer lives: global memory at a 64-bit address in a register, or shared or local memory at a named 32-bit address. */
export interface Place {
  readonly space: "global" | "shared" | "local";
  readonly base: string;
  readonly dtype: DType;
  readonly swizzle?: Swizzle;
}

/** The byte offset at which memory really has what is at `offset`. */
export function swizzled(c: Code, { swizzle }: Place, offset: string): string {
  if (!swizzle) return offset;
  const { bits, base, shift } = swizzle,
    moved = c.make("b32", "shr.u32", offset, String(shift - base));
  return c.make("b32", "xor.b32", offset, c.make("b32", "and.b32", moved, String((2 ** bits - 1) << base)));
}
/** The address operand of element `index`. */
export function address(c: Code, p: Place, index: string): string {
  const size = byteSize(p.dtype);
  if (p.swizzle) return `[${c.make("b32", "add.s32", p.base, swizzled(c, p, c.make("b32", "mul.lo.s32", index, String(size))))}]`;
  const constant = /^-?\d+$/.test(index) ? Number(index) * size : undefined;
  if (constant !== undefined) return `[${p.base}${constant === 0 ? "" : `+${constant}`}]`;
  return p.space === "global"
    ? `[${c.make("b64", "mad.wide.s32", index, String(size), p.base)}]`
    : `[${c.make("b32", "mad.lo.s32", index, String(size), p.base)}]`;
}

const memoryTypes: Readonly<Record<Exclude<DType, Float8>, string>> = {
  f32: "f32",
  f64: "f64",
  f16: "b16",
  bf16: "u16",
  i32: "s32",
  u32: "u32",
  i8: "s8",
  u8: "u8",
  bool: "u8",
};
const memoryType = (d: DType): string => (isFloat8(d) ? bytesExpected(d) : memoryTypes[d]);
/** A register with element `index`; under a predicate, `otherwise` where it does not hold. */
export function load(c: Code, p: Place, index: string, guard?: string, otherwise?: string): string {
  const at = address(c, p, index),
    k = classOf(p.dtype),
    raw = c.reg(p.dtype === "f16" ? "b16" : k === "pred" || p.dtype === "bf16" ? "b32" : k);
  if (guard !== undefined)
    c.put(p.dtype === "f16" ? "mov.b16" : k === "f64" ? "mov.f64" : k === "f32" && p.dtype === "f32" ? "mov.f32" : "mov.b32", [
      raw,
      k === "f32" && p.dtype === "f32" ? "0f00000000" : k === "f64" ? "0d0000000000000000" : "0",
    ]);
  c.put(`ld.${p.space}.${memoryType(p.dtype)}`, [raw, at], guard);
  const value =
    p.dtype === "f16"
      ? c.make("f32", "cvt.f32.f16", raw)
      : p.dtype === "bf16"
        ? c.make("f32", "mov.b32", c.make("b32", "shl.b32", raw, "16"))
        : p.dtype === "bool"
          ? compare(c, "ne", "u32", raw, "0")
          : raw;
  if (guard === undefined || otherwise === undefined) return value;
  if (k !== "pred") return c.make(k, `selp.${k}`, value, otherwise, guard);
  return c.make(
    "pred",
    "or.pred",
    c.make("pred", "and.pred", guard, value),
    c.make("pred", "and.pred", c.make("pred", "not.pred", guard), otherwise),
  );
}
/** Write `value`, held as its class says. */
export function store(c: Code, p: Place, index: string, value: string, guard?: string): void {
  const at = address(c, p, index),
    bits = (): string => c.make("b32", "shr.u32", c.make("b32", "mov.b32", value), "16");
  const out =
    p.dtype === "f16"
      ? c.make("b16", "cvt.rn.f16.f32", value)
      : p.dtype === "bf16"
        ? bits()
        : p.dtype === "bool"
          ? toBits(c, value)
          : value;
  c.put(`st.${p.space}.${memoryType(p.dtype)}`, [at, out], guard);
}
const isNarrow = (d: DType): d is "f16" | "bf16" => d === "f16" || d === "bf16";
/** Neighbouring elements at once. Narrow floats come in twos, and are widened. */
export function loadVector(c: Code, p: Place, index: string, into: readonly string[]): void {
  if (!isNarrow(p.dtype)) {
    c.put(`ld.${p.space}.v${into.length}.${memoryType(p.dtype)}`, [`{${into.join(", ")}}`, address(c, p, index)]);
    return;
  }
  const { dtype } = p,
    words = Array.from({ length: into.length / 2 }, () => c.reg("b32"));
  c.put(`ld.${p.space}.${vector(words.length)}b32`, [listed(words), address(c, p, index)]);
  words.forEach((w, q) => unpackPair(c, dtype, w, into[2 * q] ?? "", into[2 * q + 1] ?? ""));
}
/** Likewise; narrow floats are rounded here. */
export function storeVector(c: Code, p: Place, index: string, values: readonly string[]): void {
  const { dtype } = p;
  if (!isNarrow(dtype)) {
    c.put(`st.${p.space}.v${values.length}.${memoryType(dtype)}`, [address(c, p, index), `{${values.join(", ")}}`]);
    return;
  }
  const words = Array.from({ length: values.length / 2 }, (_, q) => packPair(c, dtype, values[2 * q] ?? "", values[2 * q + 1] ?? ""));
  c.put(`st.${p.space}.${vector(words.length)}b32`, [address(c, p, index), listed(words)]);
}
const vector = (n: number): string => (n === 1 ? "" : `v${n}.`);
const listed = (words: readonly string[]): string => (words.length === 1 ? (words[0] ?? "") : `{${words.join(", ")}}`);
