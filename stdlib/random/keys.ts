// Keys: where randomness comes from and how it is divided. A key is u32[2]; it is used once, and split or foldIn make new ones. Bit for bit JAX's
// (threefry2x32, the partitionable layout): element number i of a draw depends on the key and i alone.
import * as p from "../../compiler/extend.ts";
import type { Shape, Tensor } from "../../compiler/extend.ts";
import { fromHost } from "../../compiler/index.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { asTensor, toDType } from "../ops/promotion.ts";

/** A key from a seed: its two 32-bit halves, high first. JAX without x64 keeps the low half only; here seeds keep 64 bits. @throws E0801 for a fraction or a number beyond 2^53 */
export function key(seed: number | bigint): Tensor {
  if (typeof seed === "number" && !Number.isSafeInteger(seed))
    throw new PullbackError("E0801", `random.key got the seed ${seed}`, { help: "a seed is an integer; use a bigint beyond 2^53" });
  const bits = BigInt.asUintN(64, BigInt(seed));
  return fromHost("u32", [2], Uint32Array.of(Number(bits >> 32n), Number(bits & 0xffffffffn)));
}
/** New keys: u32[n, 2], or u32[...shape, 2] for a shape. */
export const split = (k: Tensor, n: number | Shape = 2): Tensor => p.threefryPairs(k, typeof n === "number" ? [n] : n);
/** As many keys as the type of the number says; an array where it says just a number. */
export type Keys<N extends number, K extends readonly Tensor[] = []> = number extends N
  ? Tensor[]
  : K["length"] extends N
    ? [...K]
    : K["length"] extends 64
      ? Tensor[]
      : Keys<N, [...K, Tensor]>;
/** `n` new keys as separate tensors, those of split: `const [k1, k2, k3] = keys(k, 3)`. */
export const keys = <N extends number = 2>(k: Tensor, n?: N): Keys<N> =>
  Array.from({ length: n ?? 2 }, (_, i) => p.threefryFoldIn(k, p.lit(i, "u32"))) as Keys<N>; // as many as asked for
/** The key that belongs to `data` (an integer, such as the step) under `k`; negative numbers count modulo 2^32. @throws E0801 for a fraction */
export function foldIn(k: Tensor, data: Tensor | number): Tensor {
  if (typeof data === "number" && !Number.isInteger(data))
    throw new PullbackError("E0801", `random.foldIn got ${data}`, { help: "fold in an integer" });
  return p.threefryFoldIn(k, typeof data === "number" ? p.lit(data >>> 0, "u32") : toDType(asTensor(data), "u32"));
}
/** Random u32, or u8 (the low byte of each). */
export function bits(k: Tensor, shape: Shape = [], { dtype = "u32" }: { readonly dtype?: "u32" | "u8" } = {}): Tensor {
  return toDType(p.threefryBits(k, shape), dtype);
}
