// Loops that a group deals out over its threads, and what each statement touches: which thread owns an access is decided by how its loop is dealt and by its index.
import { unreachable } from "../../../../runtime/errors/error.ts";
import { byteSize } from "../../../../runtime/dtype.ts";
import { operands } from "../../../ir/exprs.ts";
import type { LoopKernel, Stmt } from "../../../ir/kernel.ts";
import type { Expr } from "../../../ir/scalar.ts";
import type { Access } from "./hazards.ts";
import type { Items } from "../items.ts";

/** A loop whose turns are independent, or fold into accumulators. */
export type Dealt = Extract<Stmt, { kind: "for" | "fold" }>;
/** Where accesses happen. */
export interface Places {
  readonly kernel: LoopKernel;
  readonly items: Items;
  readonly threads: number;
}

/** Do all threads of a group run these together, whatever the data: loops that run in order, loops dealt out, and nothing that parts ways? */
export const isTogether = (stmts: readonly Stmt[]): boolean =>
  stmts.every(s => (s.kind === "for" ? s.parallel || isTogether(s.body) : s.kind !== "while" && s.kind !== "if"));

/** The outermost such loops, with their number of turns where it is a number, and the buffers they touch. */
export function dealtLoops(
  stmts: readonly Stmt[],
): { readonly loop: Dealt; readonly n: number | undefined; readonly buffers: ReadonlySet<number> }[] {
  return stmts.flatMap(s => {
    if (s.kind === "fold" || (s.kind === "for" && s.parallel)) {
      const buffers = new Set<number>(),
        n = s.begin.kind === "const" && s.end.kind === "const" ? Math.max(0, s.end.value - s.begin.value) : undefined;
      visit([s], { access: buf => buffers.add(buf) });
      return [{ loop: s, n, buffers }];
    }
    return s.kind === "for" ? dealtLoops(s.body) : [];
  });
}

/** Every access of some statements that stand in a group's own flow. */
export function accessesOf(stmts: readonly Stmt[], places: Places): (Access & { readonly buf: number })[] {
  const found: (Access & { readonly buf: number })[] = [];
  visit(stmts, {
    access: (buf, index, write, loop) =>
      found.push({ buf, memory: memoryOf(buf, places.kernel), owner: ownerOf(index, loop, places), write }),
  });
  return found;
}
/** Parameters of one size may be the same memory (a result in the place of an operand). */
function memoryOf(buf: number, k: LoopKernel): string {
  const p = k.params[buf];
  return p ? `p${p.elements * byteSize(p.dtype)}` : `s${buf}`;
}
/** The thread that an access belongs to: equal strings are the same thread at the same element; "" when it depends on anything but the turn of the dealt loop. */
export function ownerOf(index: Expr, loop: Dealt | undefined, { items }: Places): string {
  if (!loop) return "";
  const text = (e: Expr): string => {
    switch (e.kind) {
      case "const":
        return String(e.value);
      case "var":
        return e.id === loop.v.id ? "$" : e.id === items.v.id ? "item" : "?";
      case "binary":
        return `(${text(e.x)} ${e.op} ${text(e.y)})`;
      default:
        return "?";
    }
  };
  const key = `${text(loop.begin)}..${text(loop.end)}: ${text(index)}`;
  return key.includes("?") || !key.includes("$") ? "" : key;
}

interface Visitor {
  access(buf: number, index: Expr, write: boolean, loop: Dealt | undefined): void;
}
function visit(stmts: readonly Stmt[], v: Visitor, loop?: Dealt): void {
  const seen = new Set<Expr>();
  const reads = (e: Expr | undefined): void => {
    if (!e || seen.has(e)) return;
    seen.add(e);
    if (e.kind === "load") v.access(e.buf, e.index, false, loop);
    operands(e).forEach(reads);
  };
  for (const s of stmts) {
    switch (s.kind) {
      case "let":
      case "set":
        reads(s.value);
        break;
      case "store":
        reads(s.index);
        reads(s.value);
        reads(s.guard);
        v.access(s.buf, s.index, true, loop);
        break;
      case "for":
        reads(s.begin);
        reads(s.end);
        visit(s.body, v, loop ?? (s.parallel ? s : undefined));
        break;
      case "fold": {
        const inner = loop ?? s;
        [s.begin, s.end, ...s.folds.map(f => f.init)].forEach(reads);
        visit([...s.body, ...[...s.values, ...s.combine].map((value): Stmt => ({ kind: "set", v: s.v, value }))], v, inner);
        break;
      }
      case "while":
        reads(s.cond);
        visit(s.body, v, loop);
        break;
      case "if":
        reads(s.cond);
        visit(s.yes, v, loop);
        visit(s.no, v, loop);
        break;
      default:
        unreachable(s);
    }
  }
}
