// LEB128, strings, vectors and value types of the WebAssembly binary format.
// Why: every other encoder file appends plain bytes to arrays through these. It refuses to know sections or instructions.

/** Types of locals, globals, parameters and results. */
export type ValType = "i32" | "i64" | "f32" | "f64" | "v128";

/** Binary code of each value type. */
export const VALTYPE: { readonly [T in ValType]: number } = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };

/** A growing byte sequence. */
export type Bytes = number[];

/** Appends an unsigned LEB128; `n` is an integer in 0 .. 2^32 - 1. */
export function unsigned(out: Bytes, n: number): void {
  let rest = n;
  while (rest >= 0x80) {
    out.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  out.push(rest);
}

/** Appends a signed LEB128 of an i32; `n` may also be given as unsigned, in -2^31 .. 2^32 - 1. */
export function signed32(out: Bytes, n: number): void {
  let rest = n | 0;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) {
      out.push(low);
      return;
    }
    out.push(low | 0x80);
  }
}

/** Appends a signed LEB128 of an i64; wraps modulo 2^64. */
export function signed64(out: Bytes, n: bigint): void {
  let rest = BigInt.asIntN(64, n);
  for (;;) {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    if ((rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0)) {
      out.push(low);
      return;
    }
    out.push(low | 0x80);
  }
}

/** Appends all of `more`. A loop, not a spread: bodies exceed the argument limit of a call. */
export function append(out: Bytes, more: ArrayLike<number>): void {
  for (let i = 0; i < more.length; i++) out.push(more[i] ?? 0);
}

/** Appends a length-prefixed UTF-8 name. */
export function utf8(out: Bytes, text: string): void {
  const encoded = new TextEncoder().encode(text);
  unsigned(out, encoded.length);
  append(out, encoded);
}

/** Appends a count and then each item's bytes. */
export function vector<T>(out: Bytes, items: readonly T[], write: (out: Bytes, item: T) => void): void {
  unsigned(out, items.length);
  for (const item of items) write(out, item);
}

/** Appends the four little-endian bytes of an f32. Numbers are rounded to f32 first. */
export function float32(out: Bytes, x: number): void {
  append(out, new Uint8Array(new Float32Array([x]).buffer));
}

/** Appends the eight little-endian bytes of an f64. */
export function float64(out: Bytes, x: number): void {
  append(out, new Uint8Array(new Float64Array([x]).buffer));
}
