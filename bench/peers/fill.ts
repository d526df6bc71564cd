// Inputs by formula, the same bits in every column: a counter hashed by MurmurHash3's finalizer. The Python columns have the same in python/common.py.
// Not a random number generator for anything else.
import type { Fill, Fills } from "../work.ts";

/** 32 bits for the pair (seed, i). */
function hash(seed: number, i: number): number {
  let h = (i + Math.imul(seed + 1, 0x9e3779b9)) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Float32Array.from goes through an iterator, which takes seconds for 2^24 values. */
function floats(size: number, f: (i: number) => number): Float32Array {
  const out = new Float32Array(size);
  for (let i = 0; i < size; i++) out[i] = f(i);
  return out;
}

/** The values of `fill`, row-major. */
export function fill(spec: Fill): Float32Array | Int32Array {
  const size = spec.shape.reduce((a, b) => a * b, 1);
  switch (spec.kind) {
    case "uniform":
      return floats(size, i => (hash(spec.seed, i) / 2 ** 31 - 1) * spec.scale);
    case "constant":
      return new Float32Array(size).fill(spec.value);
    case "integers":
      return Int32Array.from({ length: size }, (_, i) => hash(spec.seed, i) % spec.below);
    default:
      return spec satisfies never;
  }
}

/** Every input built by `make`, by name. */
export const fillAll = <T>(fills: Fills, make: (data: Float32Array | Int32Array, shape: number[]) => T): Record<string, T> =>
  Object.fromEntries(Object.entries(fills).map(([name, spec]) => [name, make(fill(spec), [...spec.shape])]));
