// Loop nests over an index space. Trailing dimensions are merged into one vectorisable inner loop as far as every access stays affine in it; the rest
// become rows of the grid. Grid items are fixed pieces of work, whatever the number of threads.
import type { Aval, Shape } from "../ir/aval.ts";
import { sizeOf } from "../ir/aval.ts";
import type { LoopKernel, Stmt } from "../ir/kernel.ts";
import { operands } from "../ir/exprs.ts";
import { exprVar, type Expr, type ExprVar } from "../ir/scalar.ts";
import type { SlotRef } from "../ir/schedule.ts";
import { coefficient, ravel, unravel, type IndexOps } from "./indexing.ts";
import { KernelScope, type Places } from "./scope.ts";

/** Elements of work that one grid item takes, about. */
const ITEM = 8192;

/** A kernel with the memory it is launched on. */
export interface Launch {
  readonly kernel: LoopKernel;
  readonly args: readonly SlotRef[];
}
/** Values to compute for each index of a domain, and where they go. */
export type Body = (
  scope: KernelScope,
  index: readonly Expr[],
) => readonly { readonly ref: SlotRef; readonly aval: Aval; readonly value: Expr }[];

/** One kernel that computes `body` over `domain`, each value stored at the domain's own index. */
export function elementKernel(name: string, places: Places, domain: Shape, weight: number, body: Body): Launch {
  for (let split = 0; ; split++) {
    const scope = new KernelScope(places),
      { ops } = scope,
      last = split >= Math.max(0, domain.length - 1);
    const outer = sizeOf(domain.slice(0, split)),
      inner = sizeOf(domain.slice(split));
    const row = scope.loop("row", outer),
      j = scope.loop("j", inner),
      first = outer === 1 ? ops.int(0) : row;
    const index = [...unravel(ops, first, domain.slice(0, split)), ...unravel(ops, j, domain.slice(split))];
    const stores = body(scope, index);
    const at = ravel(ops, index, domain);
    if (!last && !stores.every(s => affineIn(s.value, j))) continue;
    // all values before the first store: a result may take the memory of what is read here
    const named = stores.map(s =>
      stores.length > 1 && s.value.kind !== "var" && s.value.kind !== "const" ? exprVar("x", s.value.dtype) : undefined,
    );
    const lets = stores.flatMap((s, k): Stmt[] => {
      const v = named[k];
      return v ? [{ kind: "let", v, value: s.value }] : [];
    });
    const statements: Stmt[] = [
      ...lets,
      ...stores.map((s, k): Stmt => ({ kind: "store", buf: scope.buffer(s.ref, s.aval, "write"), index: at, value: named[k] ?? s.value })),
    ];
    const { grid, stmts } = rows(ops, row, outer, j, inner, weight, statements);
    return { kernel: { kind: "loop", name, params: scope.params, scratch: [], grid, body: stmts }, args: scope.args };
  }
}

/** The statements of a two-level nest, cut into grid items. */
function rows(
  ops: IndexOps,
  row: ExprVar,
  outer: number,
  j: ExprVar,
  inner: number,
  weight: number,
  body: readonly Stmt[],
): { readonly grid: LoopKernel["grid"]; readonly stmts: readonly Stmt[] } {
  if (outer === 1 || inner > 4 * ITEM) {
    const pieces = Math.max(1, Math.ceil(inner / ITEM)),
      g = ops.declare({ ...row, name: "piece", id: -1 - row.id }, pieces * outer);
    const piece = outer === 1 ? g : ops.binary("rem", g, ops.int(pieces)),
      begin = ops.binary("mul", piece, ops.int(ITEM));
    const loop: Stmt = {
      kind: "for",
      v: j,
      begin,
      end: ops.binary("min", ops.binary("add", begin, ops.int(ITEM)), ops.int(inner)),
      parallel: true,
      body,
    };
    const grid = { v: g, extent: inner === 0 ? 0 : pieces * outer, cost: Math.min(inner, ITEM) * weight };
    if (outer === 1) return { grid: { ...grid, each: { v: j, extent: inner } }, stmts: [loop] };
    return { grid, stmts: [{ kind: "let", v: row, value: ops.binary("div", g, ops.int(pieces)) }, loop] };
  }
  const loop: Stmt = { kind: "for", v: j, begin: ops.int(0), end: ops.int(inner), parallel: true, body };
  return inRows(ops, row, outer, inner * weight, [loop]);
}
/** `body` for each row, several rows an item when rows are short. `cost` is a row's. */
export function inRows(
  ops: IndexOps,
  row: ExprVar,
  outer: number,
  cost: number,
  body: readonly Stmt[],
): { readonly grid: LoopKernel["grid"]; readonly stmts: readonly Stmt[] } {
  const per = Math.max(1, Math.floor(ITEM / Math.max(1, cost))),
    items = Math.ceil(outer / per);
  const g = ops.declare({ ...row, name: "item", id: -1 - row.id }, items),
    begin = ops.binary("mul", g, ops.int(per));
  return {
    grid: { v: g, extent: items, cost: per * cost, each: { v: row, extent: outer } },
    stmts: [
      { kind: "for", v: row, begin, end: ops.binary("min", ops.binary("add", begin, ops.int(per)), ops.int(outer)), parallel: false, body },
    ],
  };
}

/** Is every load's index (and guard) in `e` affine in `v`? */
export function affineIn(e: Expr, v: ExprVar): boolean {
  const seen = new Set<Expr>();
  const check = (x: Expr): boolean => {
    if (seen.has(x)) return true;
    seen.add(x);
    if (x.kind === "load" && coefficient(x.index, v) === undefined) return false;
    if (x.kind === "binary" && x.dtype === "i32" && (x.op === "div" || x.op === "rem") && coefficient(x, v) === undefined) return false;
    return operands(x).every(check);
  };
  return check(e);
}
