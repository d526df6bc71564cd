// What loops change, and what therefore stays the same in them. Pure questions about statements; it emits nothing.
import { unreachable } from "../../../runtime/errors/error.ts";
import type { Stmt } from "../../ir/kernel.ts";
import type { Expr, ExprVar } from "../../ir/scalar.ts";
import { operands } from "../../ir/exprs.ts";
import type { Changes, ExprEmitter } from "./expr.ts";

/** Variables that a block defines or sets, and buffers that it stores to. */
export function changesOf(stmts: readonly Stmt[]): Changes {
  const vars = new Set<number>(),
    bufs = new Set<number>();
  const visit = (s: Stmt): void => {
    switch (s.kind) {
      case "let":
      case "set":
        vars.add(s.v.id);
        break;
      case "store":
        bufs.add(s.buf);
        break;
      case "for":
        vars.add(s.v.id);
        s.body.forEach(visit);
        break;
      case "fold":
        [s.v, ...s.folds.map(x => x.acc), ...s.a, ...s.b].forEach(v => vars.add(v.id));
        s.body.forEach(visit);
        break;
      case "while":
        s.body.forEach(visit);
        break;
      case "if":
        s.yes.forEach(visit);
        s.no.forEach(visit);
        break;
      default:
        unreachable(s);
    }
  };
  stmts.forEach(visit);
  return { vars, bufs };
}

/** Does an expression depend on these names, or on what these changes change? (Then it differs from turn to turn of their loop.) */
export function varyingIn(e: ExprEmitter, names: readonly ExprVar[], changes: Changes): (x: Expr) => boolean {
  const all: Changes = { vars: new Set([...changes.vars, ...names.map(x => x.id)]), bufs: changes.bufs },
    memo = new Map<Expr, boolean>();
  return x => {
    let known = memo.get(x);
    if (known === undefined) memo.set(x, (known = e.depends(x, all)));
    return known;
  };
}

/** The largest expressions of a loop's body that do not vary and that every turn computes. From inner loops, which may not run, only what reads no memory. */
export function invariants(body: readonly Stmt[], more: readonly Expr[], varying: (e: Expr) => boolean): Expr[] {
  const found = new Set<Expr>(),
    seen: { readonly [K in "always" | "inner"]: Set<Expr> } = { always: new Set(), inner: new Set() };
  const visit = (x: Expr, when: "always" | "inner"): void => {
    if (seen[when].has(x)) return;
    seen[when].add(x);
    const kept = !varying(x) && (when === "always" || !readsMemory(x));
    if (kept) {
      if (x.kind !== "var" && x.kind !== "const") found.add(x);
      return;
    }
    operands(x).forEach(y => visit(y, when));
  };
  const block = (stmts: readonly Stmt[], when: "always" | "inner"): void =>
    stmts.forEach(s => {
      const all = (xs: readonly Expr[]): void => xs.forEach(x => visit(x, when));
      switch (s.kind) {
        case "let":
        case "set":
          all([s.value]);
          break;
        case "store":
          all(s.guard ? [s.guard] : [s.index, s.value]);
          break;
        case "for":
          all([s.begin, s.end]);
          block(s.body, "inner");
          break;
        case "fold":
          all([s.begin, s.end, ...s.folds.map(x => x.init)]);
          block(s.body, "inner");
          s.values.forEach(x => visit(x, "inner"));
          s.combine.forEach(x => visit(x, "inner"));
          break;
        case "while":
          break;
        case "if":
          all([s.cond]);
          break;
        default:
          unreachable(s);
      }
    });
  block(body, "always");
  more.forEach(x => visit(x, "always"));
  return [...found];
}
const reads = new WeakMap<Expr, boolean>(); // expressions are immutable DAGs: without a memo shared parts would be walked again and again
function readsMemory(e: Expr): boolean {
  let known = reads.get(e);
  if (known === undefined) reads.set(e, (known = e.kind === "load" || operands(e).some(readsMemory)));
  return known;
}

/** Work worth a branch of its own. */
const DEAR = 48;
/** What only one side of a select needs, if it is dear: `root`'s expressions that nothing else uses, and the shared ones they read. */
export interface Side {
  readonly shared: readonly Expr[];
}
/** See Side; undefined when the side is cheap, so that computing it in any case is better. */
export function dearSide(root: Expr, uses: ReadonlyMap<Expr, number>): Side | undefined {
  const own = new Set<Expr>(),
    shared = new Set<Expr>(),
    met = new Map<Expr, number>(),
    queue: Expr[] = [];
  const meet = (x: Expr): void => {
    const n = (met.get(x) ?? 0) + 1;
    met.set(x, n);
    if (n === uses.get(x)) {
      own.add(x);
      shared.delete(x);
      queue.push(x);
    } else if (!own.has(x)) shared.add(x);
  };
  meet(root);
  for (let x = queue.pop(); x; x = queue.pop()) operands(x).forEach(meet);
  return own.size >= DEAR ? { shared: [...shared] } : undefined;
}
