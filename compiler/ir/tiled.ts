// Kernels as a GPU runs them: a grid of groups, each of so many threads that share memory and meet at barriers. What `lower/tile` makes of loop kernels and
// products, and what the WGSL and PTX emitters print, statement by statement. Still no target in it: names, registers and address arithmetic are the emitter's.
import type { Fragment } from "./fragment.ts";
import type { KernelHead, Scratch, Stmt } from "./kernel.ts";
import type { Expr, ExprVar } from "./scalar.ts";
import type { SubgroupStmt } from "./subgroup_matrix.ts";

/** A statement that one thread runs. `for` is sequential; `rolled`: a driver's compiler is not to write out its turns one after another, however few they are (where it has to be kept from that). Expressions are trees of bounded depth: what is used twice has a name. Variables are in scope to the
 *  end of their block. `barrier`, `shuffle` and every block around them are reached by all threads of a group together. */
export type TiledStmt =
  | Extract<Stmt, { kind: "let" | "set" | "store" }>
  | {
      readonly kind: "for";
      readonly v: ExprVar;
      readonly begin: Expr;
      readonly end: Expr;
      readonly rolled?: boolean;
      readonly body: readonly TiledStmt[];
    }
  | { readonly kind: "while"; readonly cond: Expr; readonly body: readonly TiledStmt[] }
  | { readonly kind: "if"; readonly cond: Expr; readonly yes: readonly TiledStmt[]; readonly no: readonly TiledStmt[] }
  /** All threads of the group arrive before any goes on; what they wrote to shared and global memory is then seen by all of the group. */
  | { readonly kind: "barrier" }
  /** into = `value` of the thread whose lane is this one's xor `mask`, or is `of`, the same in all threads; both are less than the target's subgroup size. */
  | { readonly kind: "shuffle"; readonly into: ExprVar; readonly value: Expr; readonly mask: number; readonly of?: Expr }
  /** into[k] = element index + k of `buf`; the index is a multiple of the count (2 or 4), and so is the buffer's place in memory. f32, i32, u32; f16 and bf16, which are widened here, and rounded as they are stored. */
  | { readonly kind: "loadVector"; readonly into: readonly ExprVar[]; readonly buf: number; readonly index: Expr }
  | { readonly kind: "storeVector"; readonly values: readonly Expr[]; readonly buf: number; readonly index: Expr }
  /** To the end of the block buffers `buf` + j, j < `count`, whose numbers are past those of the kernel's own, are parameters `from` + `count` * `part` + j: one body for several launches
   *  (`lower/tile/merge/join.ts`). `part` is less than `parts` and the same in all threads of a group; each j has one dtype. */
  | {
      readonly kind: "bind";
      readonly buf: number;
      readonly count: number;
      readonly from: number;
      readonly parts: number;
      readonly part: Expr;
    }
  | MatrixStmt
  | CopyStmt
  | BulkStmt
  | SubgroupStmt;

/** What a target with matrix units has more (`TileTarget.matrix`). All threads of a subgroup reach these together. */
export type MatrixStmt =
  /** Element (r, c) of the fragment is element index + r * rows + c * cols of shared memory, which holds the fragment's dtype; `rows` or `cols` is 1. Index and strides are the subgroup's. */
  | {
      readonly kind: "loadFragment";
      readonly into: Fragment;
      readonly buf: number;
      readonly index: Expr;
      readonly rows: number;
      readonly cols: number;
    }
  /** The fragment's elements that this thread holds (`spotsOf`), as f32, rounded to its dtype. */
  | { readonly kind: "packFragment"; readonly into: Fragment; readonly values: readonly Expr[] }
  /** sums += lhs * rhs: variables of this thread, introduced by `let`, one for each of `SUMS`. f32 operands of two terms leave out the product of the two small ones. */
  | { readonly kind: "multiply"; readonly sums: readonly ExprVar[]; readonly lhs: Fragment; readonly rhs: Fragment };
/** Copies that go on while a thread does other work, in groups of the thread's own. */
export type CopyStmt =
  /** Elements to + k of shared memory `into` = elements from + k of `buf`, for k < present, and zero for the other k < count. Both places are multiples of the count, which makes 4, 8 or 16 bytes;
   *  with `present` 0 nothing is read. */
  | {
      readonly kind: "copyAsync";
      readonly into: number;
      readonly to: Expr;
      readonly buf: number;
      readonly from: Expr;
      readonly count: number;
      readonly present?: Expr;
    }
  /** The copies since the last commit are a group. */
  | { readonly kind: "commitCopies" }
  /** Wait until all but the newest `pending` groups have landed: this thread sees them, others after a barrier. */
  | { readonly kind: "waitCopies"; readonly pending: number };

/** What a target with bulk copies and products out of shared memory has more (`MatrixUnits.bulk`). Signals are numbered memory of the group (`TiledKernel.signals`): a phase of one ends when so
 *  many arrivals have been made as it counts, and all bytes have landed that they announced. */
export type BulkStmt =
  /** The box of tensor `box` at coordinates `at` (innermost first) comes to `to` of shared memory `into`, rows after one another; zeros outside the tensor. `signal` counts its bytes. One thread does this. */
  | {
      readonly kind: "copyBox";
      readonly box: number;
      readonly at: readonly Expr[];
      readonly into: number;
      readonly to: Expr;
      readonly signal: Expr;
    }
  /** The box of tensor `box` at coordinates `at` becomes what lies from `from` on of shared memory `buf`, rows after one another; nothing happens outside the tensor. One thread does this, asynchronously. */
  | { readonly kind: "storeBox"; readonly box: number; readonly at: readonly Expr[]; readonly buf: number; readonly from: Expr }
  /** The boxes that this thread stores since the last commit are a group. */
  | { readonly kind: "commitStores" }
  /** All but the newest `pending` groups of this thread have been read out of shared memory. */
  | { readonly kind: "waitStores"; readonly pending: number }
  /** The threads of a subgroup wait for one another, and see what they wrote to shared memory. */
  | { readonly kind: "meet" }
  /** One arrival, with so many bytes to come. */
  | { readonly kind: "expect"; readonly signal: Expr; readonly bytes: number }
  | { readonly kind: "arrive"; readonly signal: Expr }
  /** Wait until the phase of this parity has ended: 0 for the first, third, ...; 1 for the others, and for what came before the first. */
  | { readonly kind: "awaitPhase"; readonly signal: Expr; readonly parity: Expr }
  /** Four subgroups together: sums += lhs rhs (`fresh`: sums = lhs rhs) for 64 rows, 16 contracted indices and 2 columns a sum of each thread, out of shared memory (128-byte swizzle), asynchronously.
   *  A subgroup has 16 rows, a thread of it `SUMS` of every 16 columns. The left operand may be fragments, of the 16 rows of each subgroup. */
  | {
      readonly kind: "multiplyShared";
      readonly sums: readonly ExprVar[];
      readonly fresh?: boolean;
      readonly dtype: "bf16" | "f16";
      readonly lhs: SharedOperand | Fragment;
      readonly rhs: SharedOperand;
    }
  /** Sums written by other statements may be added to from here on. */
  | { readonly kind: "fenceProducts" }
  /** What the thread has stored to shared memory is seen by products and boxes out of it, once they know (by a signal, or having met) that it is there. */
  | { readonly kind: "fenceStores" }
  | { readonly kind: "commitProducts" }
  /** All but the newest `pending` groups of products are done. */
  | { readonly kind: "waitProducts"; readonly pending: number }
  /** So many registers a thread for these four subgroups from here on. */
  | { readonly kind: "registers"; readonly count: number; readonly more: boolean };
const bulk: Readonly<Record<BulkStmt["kind"], true>> = {
  copyBox: true,
  storeBox: true,
  commitStores: true,
  waitStores: true,
  meet: true,
  expect: true,
  arrive: true,
  awaitPhase: true,
  multiplyShared: true,
  fenceProducts: true,
  fenceStores: true,
  commitProducts: true,
  waitProducts: true,
  registers: true,
};
const units: Readonly<Record<(MatrixStmt | CopyStmt | BulkStmt)["kind"], true>> = {
  loadFragment: true,
  packFragment: true,
  multiply: true,
  copyAsync: true,
  commitCopies: true,
  waitCopies: true,
  ...bulk,
};
/** Is `s` one of `BulkStmt`? */
export const isBulk = (s: TiledStmt): s is BulkStmt => s.kind in bulk;
/** Is `s` one that only targets with matrix units are given? No other statements lie inside of these. */
export const needsMatrixUnits = (s: TiledStmt): s is MatrixStmt | CopyStmt | BulkStmt => s.kind in units;
/** An operand from element `index` of shared memory on: rows (columns of rhs) of 64 contracted indices; or, `across`, panels of 64 rows (columns), each with a line of them for every contracted
 *  index, `panel` elements apart. */
export interface SharedOperand {
  readonly buf: number;
  readonly index: Expr;
  readonly across: boolean;
  readonly panel: number;
}
/** Is the left operand of a product out of shared memory there itself? */
export const inShared = (o: SharedOperand | Fragment): o is SharedOperand => "buf" in o;
/** A parameter seen as a tensor, from element `offset` on, innermost dimension first, and the box of it that a copy brings. `strides`: elements, of all dimensions but the innermost. */
export interface TensorBox {
  readonly param: number;
  readonly offset: number;
  readonly dims: readonly number[];
  readonly strides: readonly number[];
  readonly box: readonly number[];
}

/** How elements lie in shared memory: byte address a is at a ^ (((a >> shift) & (2^bits - 1)) << base), so that rows read side by side lie in different banks. It is one to one, and programs
 *  that do not look at addresses see nothing of it.  @see CuTe Swizzle<bits, base, shift - base>, TMA's swizzle modes */
export interface Swizzle {
  readonly bits: number;
  readonly base: number;
  readonly shift: number;
}
/** Memory of a group. `packed`: its f16 or bf16 take 16 bits each even where shared memory has words for everything else, and are read and written in twos and fours only. */
export interface SharedMemory extends Scratch {
  readonly swizzle?: Swizzle;
  readonly packed?: true;
}

/** A kernel of `groups` groups of `threads` threads. Buffers are numbered: params, then `shared` (one a group), then `local` (one a thread); both start
 *  uninitialised. `vars`: the group's number, the thread's number in it (i32). */
export interface TiledKernel extends KernelHead {
  readonly kind: "tiled";
  readonly shared: readonly SharedMemory[];
  readonly local: readonly Scratch[];
  readonly threads: number;
  readonly groups: number;
  readonly vars: { readonly group: ExprVar; readonly lane: ExprVar };
  /** Kernels of `SubgroupStmt`: the number of the thread's subgroup in the group (i32), and how many threads each has. */
  readonly subgroup?: { readonly v: ExprVar; readonly threads: number };
  /** Tensors of `copyBox` and `storeBox`. */
  readonly boxes?: readonly TensorBox[];
  /** How many arrivals end a phase of each signal. */
  readonly signals?: readonly number[];
  readonly body: readonly TiledStmt[];
}
