// Kernels as a GPU runs them: a grid of groups, each of so many threads that share memory and meet at barriers. What `lower/tile` makes of loop kernels and
// products, and what the WGSL and PTX emitters print, statement by statement. Still no target in it: names, registers and address arithmetic are the emitter's.
import type { KernelParam, Scratch, Stmt } from "./kernel.ts";
import type { Expr, ExprVar } from "./scalar.ts";

/** A statement that one thread runs. `for` is sequential. Expressions are trees of bounded depth: what is used twice has a name. Variables are in scope to the
 *  end of their block. `barrier`, `shuffle` and every block around them are reached by all threads of a group together. */
export type TiledStmt =
  | Extract<Stmt, { kind: "let" | "set" | "store" }>
  | { readonly kind: "for"; readonly v: ExprVar; readonly begin: Expr; readonly end: Expr; readonly body: readonly TiledStmt[] }
  | { readonly kind: "while"; readonly cond: Expr; readonly body: readonly TiledStmt[] }
  | { readonly kind: "if"; readonly cond: Expr; readonly yes: readonly TiledStmt[]; readonly no: readonly TiledStmt[] }
  /** All threads of the group arrive before any goes on; what they wrote to shared and global memory is then seen by all of the group. */
  | { readonly kind: "barrier" }
  /** into = `value` of the thread whose lane is this one's xor `mask`; `mask` < the target's subgroup size. */
  | { readonly kind: "shuffle"; readonly into: ExprVar; readonly value: Expr; readonly mask: number }
  /** into[k] = element index + k of `buf`; the index is a multiple of the count (2 or 4), and so is the buffer's place in memory. f32, i32 and u32 only. */
  | { readonly kind: "loadVector"; readonly into: readonly ExprVar[]; readonly buf: number; readonly index: Expr }
  | { readonly kind: "storeVector"; readonly values: readonly Expr[]; readonly buf: number; readonly index: Expr };

/** A kernel of `groups` groups of `threads` threads. Buffers are numbered: params, then `shared` (one a group), then `local` (one a thread); both start
 *  uninitialised. `vars`: the group's number, the thread's number in it (i32). */
export interface TiledKernel {
  readonly kind: "tiled";
  readonly name: string;
  readonly params: readonly KernelParam[];
  readonly shared: readonly Scratch[];
  readonly local: readonly Scratch[];
  readonly threads: number;
  readonly groups: number;
  readonly vars: { readonly group: ExprVar; readonly lane: ExprVar };
  readonly body: readonly TiledStmt[];
}
