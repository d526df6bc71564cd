// Loop programs: what `lower` hands to the emitters. One kernel is a grid of independent items, each running structured statements over
// scalar expressions. No pointers and no target: buffers are numbers, memory spaces are the emitter's business.
import type { DType } from "../../runtime/dtype.ts";
import type { Precision } from "../../runtime/precision.ts";
import type { Source } from "./func.ts";
import type { Expr, ExprVar, ScalarOps } from "./scalar.ts";

/** A buffer that a kernel is launched with. `elements` is its extent in `dtype`. */
export interface KernelParam {
  readonly dtype: DType;
  readonly elements: number;
  readonly access: "read" | "write" | "update";
}
/** Memory private to one grid item, uninitialised. Buffers are numbered: params first, then scratch. */
export interface Scratch {
  readonly dtype: DType;
  readonly elements: number;
}

/** One accumulator of a fold: `combine(acc, value)` where `combine` is written over the two placeholder variables `a` and `b`. */
export interface Fold {
  readonly acc: ExprVar;
  readonly init: Expr;
}
/** Statements. Loop bounds are i32; a `for` with `begin >= end` does nothing. Variables are in scope to the end of their block. */
export type Stmt =
  | { readonly kind: "let"; readonly v: ExprVar; readonly value: Expr }
  /** Assign a variable introduced by `let` (author kernels: sort, searches). */
  | { readonly kind: "set"; readonly v: ExprVar; readonly value: Expr }
  | { readonly kind: "store"; readonly buf: number; readonly index: Expr; readonly value: Expr; readonly guard?: Expr }
  /** `parallel`: iterations are independent of each other (vectorisable); otherwise they run in order. */
  | {
      readonly kind: "for";
      readonly v: ExprVar;
      readonly begin: Expr;
      readonly end: Expr;
      readonly parallel: boolean;
      readonly body: readonly Stmt[];
    }
  /** A fold over v in [begin, end): accumulators start at `init`, each turn runs `body` (lets, parallel stores), then acc[k] = combine[k](a := acc, b := values).
   *  The order is the emitter's, but fixed: it may keep several partial accumulators, each started at `init`, if init is the identity of combine. Afterwards the `acc` variables hold the results. */
  | {
      readonly kind: "fold";
      readonly v: ExprVar;
      readonly begin: Expr;
      readonly end: Expr;
      readonly folds: readonly Fold[];
      readonly body: readonly Stmt[];
      readonly values: readonly Expr[];
      readonly a: readonly ExprVar[];
      readonly b: readonly ExprVar[];
      readonly combine: readonly Expr[];
    }
  | { readonly kind: "while"; readonly cond: Expr; readonly body: readonly Stmt[] }
  | { readonly kind: "if"; readonly cond: Expr; readonly yes: readonly Stmt[]; readonly no: readonly Stmt[] };

/** The independent items of a kernel: `v` runs over [0, extent). `cost` is a rough number of scalar operations an item takes (decides threading). `each`: items are
 *  blocks of independent turns; the body is a single `for` over `each.v`, which in all runs over [0, each.extent). A backend may make every turn an item. `adjacent`: neighbouring
 *  items read neighbouring memory, neighbouring turns of their folds do not. */
export interface Grid {
  readonly v: ExprVar;
  readonly extent: number;
  readonly cost: number;
  readonly each?: { readonly v: ExprVar; readonly extent: number };
  readonly adjacent?: boolean;
}

/** What every kernel says. `name` is ours ("softmax_3"), for traces and profiles. */
export interface KernelHead {
  readonly name: string;
  readonly params: readonly KernelParam[];
  /** The places in the user's program of the equations whose results it stores. */
  readonly sources?: readonly Source[];
}
/** A kernel. */
export type Kernel = LoopKernel | GemmKernel | AttentionKernel | FormKernel;
/** Plain loops. */
export interface LoopKernel extends KernelHead {
  readonly kind: "loop";
  readonly scratch: readonly Scratch[];
  readonly grid: Grid;
  readonly body: readonly Stmt[];
}
/** acc[b,i,j] = sum over l of lhs(b,i,l) * rhs(b,l,j), then `epilogue` runs once for each (b,i,j) with `acc` bound.
 *  lhs reads only b,i,l; rhs only b,l,j: anything may be fused into them as long as it is cheap to evaluate when packed. `operands`: what their values are rounded to; `dtype`: what sums are; `precision`: what the program asks for this product. */
export interface GemmKernel extends KernelHead {
  readonly kind: "gemm";
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly dtype: DType;
  readonly operands: DType;
  readonly precision?: Precision;
  readonly vars: { readonly b: ExprVar; readonly i: ExprVar; readonly j: ExprVar; readonly l: ExprVar; readonly acc: ExprVar };
  readonly lhs: Expr;
  readonly rhs: Expr;
  readonly epilogue: readonly Stmt[];
}

/** Where results of a kernel go: element `index` (an expression of its variables) of buffer `buf`. */
export interface Place {
  readonly buf: number;
  readonly index: Expr;
}
/** Attention over `n` independent heads of `t` queries, `s` keys and size `d`, never storing all scores: score(n,i,j) = scale * sum over e of q(n,i,e) k(n,j,e), hidden where causal and
 *  j > i + s - t (causal kernels have t <= s). With top and sum the largest score and the sum of exponentials of a row, lse = log sum(e^score), w = e^(score - lse) and
 *  dw(n,i,j) = w (sum over e of ct(n,i,e) v(n,j,e) - delta(n,i)) scale, the passes give
 *  `forward`: sum over j of w v at (n,i,e), and lse at (n,i); `query`: sum over j of dw k at (n,i,e); `keys`: sum over i of dw q, and of w ct, at (n,j,e); `backward`: all three. Operands are any expressions of n, of i or j, and of e (lse and delta: of n and i). `operands`: what heads and cotangents are rounded to; `dtype`: what is computed in; `precision`: as of products. */
export interface AttentionKernel extends KernelHead {
  readonly kind: "attention";
  readonly pass: "forward" | "query" | "keys" | "backward";
  readonly n: number;
  readonly t: number;
  readonly s: number;
  readonly d: number;
  readonly scale: number;
  readonly causal: boolean;
  readonly dtype: DType;
  readonly operands: DType;
  readonly precision?: Precision;
  readonly vars: { readonly n: ExprVar; readonly i: ExprVar; readonly j: ExprVar; readonly e: ExprVar };
  readonly q: Expr;
  readonly k: Expr;
  readonly v: Expr;
  /** All passes but `forward` have these. */
  readonly saved?: { readonly ct: Expr; readonly lse: Expr; readonly delta: Expr };
  readonly outs: readonly Place[];
}

/** Loops of an author's whose meaning GPUs have better ways for: `form` says it, `loops` do it, one after another, on the same parameters. `ins` and `outs` are buffers among these. */
export interface FormKernel extends KernelHead {
  readonly kind: "form";
  readonly form: Form;
  readonly ins: readonly BufRef[];
  readonly outs: readonly BufRef[];
  readonly loops: readonly LoopKernel[];
}
/** What an author's loops mean. */
export type Form =
  /** Each operand in the stable order of the first `keys` along `axis` (the first decides), NaN last. */
  | { readonly form: "sort"; readonly axis: number; readonly keys: number; readonly descending: boolean }
  /** Operands x [B, D, R], indices [B, I, K], updates [B, I, R]: x with updates combined in, in order; `batch` dimensions B. `combine` is associative. */
  | { readonly form: "scatter"; readonly clip: boolean; readonly batch: number; combine(s: ScalarOps, old: Expr, update: Expr): Expr }
  /** Along `axis` (`reverse`: from its end) y = first(xs) at the start and then y = next(y before, xs). `associative`: next(y, z) also combines the results y and z of neighbouring stretches. */
  | {
      readonly form: "scan";
      readonly axis: number;
      readonly reverse: boolean;
      readonly associative: boolean;
      first(s: ScalarOps, xs: readonly Expr[]): Expr;
      next(s: ScalarOps, before: Expr, xs: readonly Expr[]): Expr;
    };

/** A kernel buffer with its logical type. `value`: all of its elements, which have no memory then. */
export interface BufRef {
  readonly value?: number;
  readonly buf: number;
  readonly dtype: DType;
  readonly shape: readonly number[];
}
/** What the author of a "kernel" lowering writes loops with. Each `grid` call is one launch; launches run in order. */
export interface KernelBuilder {
  readonly s: ScalarOps;
  /** i32 constant. */
  int(n: number): Expr;
  /** Linear index of a multi-index into `b` (row-major). */
  at(b: BufRef, index: readonly Expr[]): Expr;
  load(b: BufRef, index: Expr): Expr;
  store(b: BufRef, index: Expr, value: Expr, guard?: Expr): void;
  /** Private memory of the current grid item. */
  scratch(dtype: DType, elements: number): BufRef;
  /** Name a value (evaluated once, here). */
  let(name: string, value: Expr): ExprVar;
  set(v: ExprVar, value: Expr): void;
  /** Runs in order; give `parallel: true` when iterations are independent. */
  for(name: string, begin: Expr, end: Expr, body: (i: ExprVar) => void, options?: { readonly parallel?: boolean }): void;
  while(cond: Expr, body: () => void): void;
  if(cond: Expr, then: () => void, otherwise?: () => void): void;
  /** A launch over independent items. */
  grid(extent: number, cost: number, body: (i: ExprVar) => void): void;
}
