// The record that says everything about one operation. Adding an operation is writing one of these in one file; shared passes
// switch on `lower.kind` and never on names.
import type { Precision } from "../../runtime/precision.ts";
import type { Aval } from "./aval.ts";
import type { Func, Params } from "./func.ts";
import type { Expr, ScalarOps } from "./scalar.ts";
import type { BufRef, Form, KernelBuilder } from "./kernel.ts";
import type { Tensor } from "../trace/tensor.ts";

/** How many operands: a number gives rules typed tuples, `number` a list. */
export type Arity = number;
/** A tuple of N items of T (a plain list when N is `number`). */
export type Of<N extends Arity, T> = number extends N
  ? readonly T[]
  : N extends 0
    ? readonly []
    : N extends 1
      ? readonly [T]
      : N extends 2
        ? readonly [T, T]
        : N extends 3
          ? readonly [T, T, T]
          : N extends 4
            ? readonly [T, T, T, T]
            : readonly T[];

/** One operation. `N` is its number of operands, `P` its static parameters. */
export interface Primitive<N extends Arity = Arity, P extends Params = Params> {
  /** Unique by convention; authors' names carry a namespace: "acme.gelu". Used for printing and parsing only. */
  readonly name: string;
  /** Shape and dtype rule. @throws PullbackError E02xx when the operands do not fit. */
  aval(ins: Of<N, Aval>, p: P): Aval | readonly Aval[];
  /** What it means, as data: evaluation and every backend derive from it. */
  readonly lower: Lowering<N, P>;
  /** "jointly" linear in all operands (add), linear in "each" with the others fixed (dot), or jointly in the listed operands (div: [0]). The jvp is then derived. */
  readonly linear?: "jointly" | "each" | readonly number[];
  /** Derivative; derived when `linear` says all. `null` contributions and absent rules mean: not differentiable in that operand (zero). */
  readonly jvp?: JvpRule<N, P>;
  /** Required when the primitive can appear with a linear operand. */
  readonly transpose?: TransposeRule<N, P>;
  /** Derived for kind "map" and "composite" (the body is batched). */
  readonly batch?: BatchRule<N, P>;
  /** Split into known and unknown parts; only control forms and calls need it (default: everything that touches an unknown operand is unknown). */
  readonly partial?: PartialRule<N, P>;
  /** Algebraic simplification: new atoms' tensors for the outputs, or undefined to keep the equation. Never folds NaN·0. */
  readonly simplify?: SimplifyRule<N, P>;
  /** Rules of transforms not yet invented, by the transform's own symbol. */
  readonly rules?: { readonly [transform: symbol]: unknown };
}

/** A tangent or cotangent that may be a known zero. */
export type MaybeZero = Tensor | null;
// Rule types are written as methods so that Primitive<2, P> is a Primitive (parameter bivariance); bodies stay fully typed.
type Method<F extends { rule: unknown }> = F["rule"];
/** One contribution per operand, `(dx, ins, p, out) => dout` (null: no derivative), or the general form over all operands and outputs (null tangent = zero). */
export type JvpRule<N extends Arity, P> =
  | readonly (Method<{ rule(dx: Tensor, ins: Of<N, Tensor>, p: P, out: Tensor): Tensor }> | null)[]
  | Method<{ rule(dx: Of<N, MaybeZero>, ins: Of<N, Tensor>, p: P, outs: readonly Tensor[]): readonly MaybeZero[] }>;
/** An operand of a linear equation under transposition: a known tensor, or a hole whose cotangent is asked for. */
export type LinearIn = { readonly kind: "known"; readonly value: Tensor } | { readonly kind: "hole"; readonly aval: Aval };
/** Cotangents of the outputs (null = zero; at least one is not) to cotangents of the operands: one per operand, null where known or zero. */
export type TransposeRule<N extends Arity, P> = Method<{
  rule(cts: readonly MaybeZero[], ins: Of<N, LinearIn>, p: P): readonly MaybeZero[];
}>;
/** The axis a vmap adds: its size, and its name for psum and friends. */
export interface BatchAxis {
  readonly size: number;
  readonly name: string | undefined;
}
/** Batched operands carry the new axis first (`at[i]`); every output carries it first, unless the rule returns flags. */
export type BatchRule<N extends Arity, P> = Method<{
  rule(
    ins: Of<N, Tensor>,
    at: Of<N, boolean>,
    p: P,
    axis: BatchAxis,
  ): readonly Tensor[] | { readonly outs: readonly Tensor[]; readonly batched: readonly boolean[] };
}>;
/** Emits the known part now into the current builder (operands of unknown ones are null) and says how to emit the rest later.
 *  `known[i]` is the i-th output if known, else null; `residuals` are handed to `unknown` together with the unknown operands, in order; it returns the unknown outputs in order. */
export interface Split {
  readonly known: readonly MaybeZero[];
  readonly residuals: readonly Tensor[];
  unknown(residuals: readonly Tensor[], ins: readonly Tensor[]): readonly Tensor[];
}
/** See `Split`. `ins[i]` is null where unknown; `avals` has every operand's aval. */
export type PartialRule<N extends Arity, P> = Method<{ rule(ins: Of<N, Tensor | null>, avals: Of<N, Aval>, p: P): Split }>;
/** See `Primitive.simplify`. */
export type SimplifyRule<N extends Arity, P> = Method<{ rule(ins: Of<N, Tensor>, p: P): readonly Tensor[] | undefined }>;

/** Reads element `index` (one i32 expression per dimension) of operand `k`. With a false `guard` nothing is read and `otherwise` is the value. */
export type ReadOperand = (k: number, index: readonly Expr[], guard?: Expr, otherwise?: Expr) => Expr;

/** The meaning of an operation, by shape of computation. Shared passes switch on `kind`, exhaustively. */
export type Lowering<N extends Arity = Arity, P = Params> =
  /** out[i] = f(ins[0][i], ins[1][i], ...): equal shapes. Fuses, batches and evaluates for free. One Expr per output. */
  | { readonly kind: "map"; scalar(s: ScalarOps, ins: Of<N, Expr>, p: P, outs: readonly Aval[]): Expr | readonly Expr[] }
  /** out[i] = in[source(i)]: a pure re-indexing that is always in bounds (broadcast, reshape, transpose, reverse, slice). */
  | { readonly kind: "view"; source(s: ScalarOps, out: readonly Expr[], p: P, input: Aval): readonly Expr[] }
  /** out[i] = any expression of i and of guarded reads of the operands (pad, concat, gather, iota, random bits). One output. */
  | { readonly kind: "index"; element(s: ScalarOps, out: readonly Expr[], read: ReadOperand, p: P, ins: Of<N, Aval>): Expr }
  /** Fold over axes, all operands together (one accumulator each; argmax has two). Each output has the axes removed. `combine` is associative and commutative up to rounding. */
  | {
      readonly kind: "reduce";
      axes(p: P): readonly number[];
      init(p: P, ins: Of<N, Aval>): readonly number[];
      combine(s: ScalarOps, a: readonly Expr[], b: readonly Expr[], p: P): readonly Expr[];
    }
  /** Sum of products over contracted dimensions; two operands; out dims = batch, lhs free, rhs free. */
  | { readonly kind: "contract"; dims(p: P): ContractDims }
  /** Its meaning in other primitives. Inlined before fusion by any backend without a template for it. */
  | { readonly kind: "composite"; body(ins: Of<N, Tensor>, p: P): readonly Tensor[]; readonly template?: string }
  /** A region of other programs. */
  | { readonly kind: "control"; form(p: P): ControlForm }
  /** Across a named axis: removed by the vmap that binds the axis. */
  | { readonly kind: "collective"; readonly op: "sum" | "max" | "min" | "gather" | "index"; axis(p: P): string }
  /** The author writes loops. Operands and results are contiguous, row-major. `form`: what they mean, where that is something GPUs have better ways for. */
  | {
      readonly kind: "kernel";
      build(b: KernelBuilder, ins: readonly BufRef[], outs: readonly BufRef[], p: P): void;
      form?(p: P, ins: Of<N, Aval>): Form;
    }
  /** Identity at run time on each operand (mark, stopGradient). */
  | { readonly kind: "erase" };

/** Dimension numbers of a contraction, as XLA's dot_general. `precision`: what it asks for itself; otherwise what the program is compiled with. */
export interface ContractDims {
  readonly precision?: Precision;
  readonly lhsBatch: readonly number[];
  readonly rhsBatch: readonly number[];
  readonly lhsContract: readonly number[];
  readonly rhsContract: readonly number[];
}

/** Regions, structured. */
export type ControlForm =
  /** Operands are the Func's parameters. `barrier`: recomputation that must not be merged with its surroundings (remat). */
  | { readonly form: "call"; readonly func: Func; readonly barrier: boolean }
  /** Operand 0 is an i32 scalar, clamped; the rest go to the chosen branch. */
  | { readonly form: "cond"; readonly branches: readonly Func[] }
  /** Operands: consts, carry, stacked xs (leading axis `length`). body: (consts, carry, x slices) -> (carry, y slices). Results: carry, stacked ys. `reverse` runs the last index first. */
  | {
      readonly form: "scan";
      readonly body: Func;
      readonly length: number;
      readonly reverse: boolean;
      readonly consts: number;
      readonly carry: number;
    }
  /** Operands: cond consts, body consts, carry. cond: (cond consts, carry) -> bool[]; body: (body consts, carry) -> carry. */
  | { readonly form: "while"; readonly cond: Func; readonly body: Func; readonly condConsts: number; readonly bodyConsts: number };
