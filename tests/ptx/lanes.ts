// Loops over the lanes of a warp. V8 inlines the function that a loop calls only while each loop calls one function, so every operation gets a loop of its
// own: the loop's text is compiled once a (signature, function). What operations mean is in numbers/ and ops/, as plain functions of one lane.
import { Script } from "node:vm";
import type { Warp } from "./warp.ts";

/** Something done for the lanes in `mask`, a bit each. */
export type Run = (w: Warp, mask: number) => void;

/** A function of one lane. Its parameters are those of the signature, `l` (64 bits) being two: low and high word. */
export type LaneFunction = (...x: never[]) => number | boolean;

/** The high word of a 64-bit result; the low word is what the function returns. */
export const high: Int32Array = new Int32Array(1);

/** How a source of each letter is read in lane `l` from slot `s`: i s32, u u32, f f32, d f64, l two s32 words, p a predicate (its complement where the slot is ~slot). */
const READ: Readonly<Record<string, (s: string) => string>> = {
  i: s => `I[${s} + l]`,
  u: s => `U[${s} + l]`,
  f: s => `F[${s} + l]`,
  d: s => `D[(${s} >> 1) + l]`,
  l: s => `I[${s} + 2 * l], I[${s} + 2 * l + 1]`,
  p: s => `(${s}p >>> l & 1) === 1`,
};
/** How the result `x` is written. f and d write the canonical NaN, h the low 16 bits. */
const WRITE: Readonly<Record<string, (x: string) => string>> = {
  i: x => `I[d + l] = ${x};`,
  u: x => `I[d + l] = ${x};`,
  h: x => `I[d + l] = ${x} & 0xffff;`,
  f: x => `const v = ${x}; if (v !== v) I[d + l] = 0x7fffffff; else F[d + l] = v;`,
  d: x => `const v = ${x}; if (v !== v) { I[d + 2 * l] = 0; I[d + 2 * l + 1] = 0x7ff80000; } else D[(d >> 1) + l] = v;`,
  l: x => `I[d + 2 * l] = ${x}; I[d + 2 * l + 1] = high[0];`,
  p: x => `if (${x}) m |= 1 << l;`,
};

type Factory = (d: number, ...sources: readonly number[]) => Run;
const factories = new Map<string, Map<LaneFunction, Factory>>();

/** The loop that writes slot `d` with `fn` of the slots `sources`. `signature` is like "ff>f". */
export function lanes(signature: string, fn: LaneFunction, d: number, ...sources: readonly number[]): Run {
  let of = factories.get(signature);
  if (!of) factories.set(signature, (of = new Map()));
  let make = of.get(fn);
  if (!make) of.set(fn, (make = factory(signature, fn)));
  return make(d, ...sources);
}

function factory(signature: string, fn: LaneFunction): Factory {
  const [from = "", to = ""] = signature.split(">"),
    names = [...from].map((_, i) => `s${i}`);
  const call = `fn(${[...from].map((letter, i) => READ[letter]?.(`s${i}`)).join(", ")})`,
    body = WRITE[to]?.(call);
  const predicates = [...from]
    .map((letter, i) => (letter === "p" ? `const s${i}p = s${i} < 0 ? ~w.preds[~s${i}] : w.preds[s${i}];` : ""))
    .join("");
  const text = `(fn, high) => (${["d", ...names].join(", ")}) => (w, mask) => {
    const I = w.i32, U = w.u32, F = w.f32, D = w.f64; ${predicates} ${to === "p" ? "let m = 0;" : ""}
    if (mask === -1) for (let l = 0; l < 32; l++) { ${body} }
    else for (let left = mask; left !== 0; left &= left - 1) { const l = 31 - Math.clz32(left & -left); ${body} }
    ${to === "p" ? "w.preds[d] = w.preds[d] & ~mask | m & mask;" : ""}
  }`;
  const make = new Script(text, { filename: `lanes ${signature}` }).runInThisContext() as (fn: LaneFunction, h: Int32Array) => Factory; // the text above
  return make(fn, high);
}
