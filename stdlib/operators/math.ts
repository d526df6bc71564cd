// Math, for tensors too. Plain arguments go to JavaScript's Math; with a tensor among them the function is the library's, or an error that says it has none.
import { isTensor, type Tensor } from "../../compiler/extend.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import * as a from "../ops/arithmetic.ts";
import { less, where } from "../ops/compare.ts";
import * as m from "../ops/math.ts";
import type { TensorLike } from "../ops/promotion.ts";
import { describe } from "./arithmetic.ts";

/** A function of Math that takes tensors as well. */
export interface MathFunction {
  (...xs: readonly number[]): number;
  (...xs: readonly TensorLike[]): Tensor;
}
const fold =
  (f: (x: TensorLike, y: TensorLike) => Tensor) =>
  (...xs: readonly TensorLike[]): Tensor =>
    xs.slice(1).reduce<TensorLike>(f, xs[0] ?? 0) as Tensor; // a tensor is among them, so that the fold is one

type Lifted =
  | "abs"
  | "acos"
  | "acosh"
  | "asin"
  | "asinh"
  | "atan"
  | "atan2"
  | "atanh"
  | "cbrt"
  | "ceil"
  | "cos"
  | "cosh"
  | "exp"
  | "expm1"
  | "floor"
  | "fround"
  | "hypot"
  | "log"
  | "log10"
  | "log1p"
  | "log2"
  | "max"
  | "min"
  | "pow"
  | "round"
  | "sign"
  | "sin"
  | "sinh"
  | "sqrt"
  | "tan"
  | "tanh"
  | "trunc";
const onTensors: { readonly [N in Lifted]: (...xs: readonly [TensorLike, TensorLike]) => Tensor } = {
  abs: a.abs,
  acos: m.acos,
  acosh: m.acosh,
  asin: m.asin,
  asinh: m.asinh,
  atan: m.atan,
  atan2: m.atan2,
  atanh: m.atanh,
  cbrt: m.cbrt,
  ceil: a.ceil,
  cos: m.cos,
  cosh: m.cosh,
  exp: m.exp,
  expm1: m.expm1,
  floor: a.floor,
  fround: (x: TensorLike): Tensor => a.astype(x, "f32"),
  hypot: (...xs: readonly TensorLike[]): Tensor => (xs.length === 1 ? a.abs(xs[0] ?? 0) : fold(a.hypot)(...xs)),
  log: m.log,
  log10: m.log10,
  log1p: m.log1p,
  log2: m.log2,
  max: fold(a.maximum),
  min: fold(a.minimum),
  pow: a.pow,
  /** Halves go up, as in JavaScript (the library's own round sends them to the even neighbour). */
  round: (x: TensorLike): Tensor => {
    const low = a.floor(x);
    return where(less(a.sub(x, low), 0.5), low, a.add(low, 1));
  },
  sign: a.sign,
  sin: m.sin,
  sinh: m.sinh,
  sqrt: m.sqrt,
  tan: m.tan,
  tanh: m.tanh,
  trunc: a.trunc,
};

/** The global Math, whose functions also take tensors. */
export type TensorMath = Omit<Math, Lifted> & { readonly [K in Lifted]: MathFunction };
const names = Object.getOwnPropertyNames(Math) as readonly Exclude<keyof Math, symbol>[]; // Math's own names
/** What `Math` means in a tensor scope. @throws E1121 for a function that tensors do not have */
export const $math: TensorMath = Object.fromEntries(
  names.map((name): [string, unknown] => {
    const plain: unknown = Math[name];
    if (typeof plain !== "function") return [name, plain];
    const lifted = (onTensors as { readonly [name: string]: unknown })[name]; // absent for functions of numbers alone
    return [
      name,
      (...xs: readonly unknown[]): unknown => {
        if (!xs.some(isTensor)) return (plain as (...xs: readonly unknown[]) => unknown)(...xs); // Math's functions take numbers
        const bad = xs.find(x => !isTensor(x) && typeof x !== "number" && typeof x !== "boolean");
        if (typeof lifted === "function" && bad === undefined) return (lifted as (...xs: readonly unknown[]) => unknown)(...xs); // tensors and numbers, as checked
        throw new PullbackError("E1121", `Math.${name} got ${xs.map(describe).join(", ")}`, {
          help:
            typeof lifted === "function" ? "beside a tensor stands a tensor or a number" : `Math.${name} is for numbers; tensors have none`,
        });
      },
    ];
  }),
) as unknown as TensorMath; // every name of Math is there
