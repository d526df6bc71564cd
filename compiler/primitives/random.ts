// Counter-based random bits: one primitive, threefry2x32, and the layouts that JAX's default (partitionable) keys use. Additions, rotations and
// exclusive ors only, so that every backend gives the same bits. What becomes of bits (uniform, normal ...) is the standard library's.
import type { Shape } from "../ir/aval.ts";
import { sizeOf } from "../ir/aval.ts";
import type { Expr, ScalarOps } from "../ir/scalar.ts";
import type { Tensor } from "../trace/tensor.ts";
import { needEqualShapes, needExactly, needShape, nth, range } from "./check.ts";
import { xor } from "./logic.ts";
import { broadcastInDim } from "./broadcast.ts";
import { definePrimitive, type Operation } from "./define.ts";
import { iota, zeros } from "./fill.ts";
import { reshape } from "./shape.ts";
import { concat, slice } from "./slice.ts";

const rotations = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const;
const parity = 0x1bd11bda;

/** The twenty rounds on u32 expressions. */
function rounds(s: ScalarOps, k0: Expr, k1: Expr, c0: Expr, c1: Expr): readonly [Expr, Expr] {
  const u = (n: number): Expr => s.const(n, "u32");
  const add = (x: Expr, y: Expr): Expr => s.binary("add", x, y);
  const rotate = (x: Expr, r: number): Expr => s.binary("or", s.binary("shl", x, u(r)), s.binary("shr", x, u(32 - r)));
  const keys = [k0, k1, s.binary("xor", s.binary("xor", k0, k1), u(parity))];
  let x = add(c0, k0),
    y = add(c1, k1);
  for (let i = 0; i < 5; i++) {
    for (const r of nth(rotations, i % 2)) {
      x = add(x, y);
      y = s.binary("xor", rotate(y, r), x);
    }
    x = add(x, nth(keys, (i + 1) % 3));
    y = add(add(y, nth(keys, (i + 2) % 3)), u(i + 1));
  }
  return [x, y];
}

/** Threefry-2x32 with 20 rounds: key words and counter words, u32 of one shape, to two words. `all` gives both. @see Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3" */
export const threefry2x32: Operation<4> = definePrimitive<4>({
  name: "threefry2x32",
  aval(ins) {
    for (const x of ins) needExactly("threefry2x32", "key and counter words", "u32", x);
    needEqualShapes("threefry2x32", ins);
    return [ins[0], ins[0]];
  },
  lower: { kind: "map", scalar: (s, [k0, k1, c0, c1]) => rounds(s, k0, k1, c0, c1) },
  jvp: [null, null, null, null],
});

/** Word `i` of a key u32[2], as a scalar. */
function keyWord(key: Tensor, i: number): Tensor {
  needExactly("a random key", "words", "u32", key.aval);
  needShape("a random key", "words", [2], key.aval);
  return reshape(slice(key, { start: [i], limit: [i + 1], strides: [1] }), { shape: [] });
}
/** Both words for each counter 0 .. n-1 of `shape`, flat: u32[n] twice. */
function words(key: Tensor, shape: Shape): readonly [Tensor, Tensor] {
  const n = sizeOf(shape),
    flat: Shape = [n];
  const spread = (x: Tensor): Tensor => broadcastInDim(x, { shape: flat, dims: [] });
  const [x, y] = threefry2x32.all(
    spread(keyWord(key, 0)),
    spread(keyWord(key, 1)),
    zeros({ dtype: "u32", shape: flat }),
    iota({ dtype: "u32", shape: flat, axis: 0 }),
  );
  return [x as Tensor, y as Tensor]; // the primitive has two outputs
}
/** Random u32[shape]: both words of each counter, exclusive-ored (JAX's 32-bit layout). `key` is u32[2]. @throws E0201, E0204 */
export function threefryBits(key: Tensor, shape: Shape): Tensor {
  const [x, y] = words(key, shape);
  return reshape(xor(x, y), { shape });
}
/** Both words of each counter: u32[...shape, 2]. New keys (split), and 64-bit randomness. */
export function threefryPairs(key: Tensor, shape: Shape): Tensor {
  const [x, y] = words(key, shape),
    column = { shape: [...shape, 1] };
  return concat(reshape(x, column), reshape(y, column), { axis: shape.length });
}
/** The key u32[2] that belongs to `data`, a u32 scalar, under `key`. */
export function threefryFoldIn(key: Tensor, data: Tensor): Tensor {
  const outs = threefry2x32.all(keyWord(key, 0), keyWord(key, 1), zeros({ dtype: "u32", shape: [] }), data);
  return concat(...range(2).map(i => reshape(nth(outs, i), { shape: [1] })), { axis: 0 });
}
