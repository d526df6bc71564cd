// The last pass over a tiled kernel: every variable gets a number of its own, and every expression becomes a tree of bounded depth. What is used twice in a
// statement gets a name before it; names of plain arithmetic serve the rest of the block.
import { unreachable } from "../../../runtime/errors/error.ts";
import { mapOperands, operands, rewriting } from "../../ir/exprs.ts";
import { exprVar, type Expr, type ExprVar } from "../../ir/scalar.ts";
import { inShared, type TiledStmt } from "../../ir/tiled.ts";
import { interner } from "../prepare.ts";
import { assigned, forEachTiled } from "./statements.ts";

/** Deepest tree that is printed as one expression. */
const DEPTH = 12;
/** A block: what stands for each variable, by its old number (another variable, or a constant), and arithmetic that has a name. Both see what surrounds them. */
interface Scope {
  readonly vars: Map<number, Expr>;
  readonly names: Map<Expr, ExprVar>;
}

/** `given`: variables that exist before the first statement. */
export function name(body: readonly TiledStmt[], given: readonly ExprVar[]): TiledStmt[] {
  return new Namer(body).block(body, { vars: new Map(given.map(v => [v.id, v])), names: new Map() });
}

class Namer {
  private readonly share = interner();
  private readonly changing = new Set<number>();
  private readonly fixed = new Map<Expr, boolean>();
  private readonly set: ReadonlySet<number>;
  constructor(body: readonly TiledStmt[]) {
    const set = new Set<number>();
    forEachTiled(body, s => {
      for (const v of assigned(s)) set.add(v.id);
    });
    this.set = set;
  }

  block(stmts: readonly TiledStmt[], outer: Scope): TiledStmt[] {
    const scope: Scope = { vars: new Map(outer.vars), names: new Map(outer.names) },
      out: TiledStmt[] = [];
    for (const s of stmts) this.statement(s, scope, out);
    return out;
  }
  private statement(s: TiledStmt, scope: Scope, out: TiledStmt[]): void {
    const one = (e: Expr): Expr => this.trees([e], scope, out)[0] as Expr; // one for one
    switch (s.kind) {
      case "let": {
        const value = one(s.value);
        if (!this.set.has(s.v.id) && this.isSteady(value)) scope.vars.set(s.v.id, value);
        else out.push({ kind: "let", v: this.declare(s.v, scope), value });
        break;
      }
      case "set": {
        const value = one(s.value);
        out.push({ kind: "set", v: (scope.vars.get(s.v.id) ?? s.v) as ExprVar, value }); // what is set has a variable of its own
        break;
      }
      case "store": {
        const [index, value, guard] = this.trees([s.index, s.value, ...(s.guard ? [s.guard] : [])], scope, out) as [
          Expr,
          Expr,
          Expr | undefined,
        ]; // as many as given
        out.push({ kind: "store", buf: s.buf, index, value, ...(guard && { guard }) });
        break;
      }
      case "for": {
        const [begin, end] = this.trees([s.begin, s.end], scope, out) as [Expr, Expr]; // two for two
        const inner: Scope = { vars: new Map(scope.vars), names: scope.names },
          v = this.declare(s.v, inner);
        out.push({ kind: "for", v, begin, end, body: this.block(s.body, inner) });
        break;
      }
      case "while":
        this.loop(s, scope, out);
        break;
      case "if":
        if (s.cond.kind === "const" && s.cond.value !== 0) {
          const inner = { vars: new Map(scope.vars), names: scope.names };
          for (const x of s.yes) this.statement(x, inner, out);
          break;
        }
        out.push({ kind: "if", cond: one(s.cond), yes: this.block(s.yes, scope), no: this.block(s.no, scope) });
        break;
      case "barrier":
        out.push(s);
        break;
      case "bind":
        out.push({ ...s, part: one(s.part) });
        break;
      case "shuffle": {
        const [value, of] = this.trees([s.value, ...(s.of ? [s.of] : [])], scope, out) as [Expr, Expr | undefined]; // as many as given
        out.push({ ...s, value, ...(of && { of }), into: this.declare(s.into, scope) });
        break;
      }
      case "loadVector": {
        const index = one(s.index);
        out.push({ ...s, index, into: s.into.map(v => this.declare(v, scope)) });
        break;
      }
      case "storeVector": {
        const [index, ...values] = this.trees([s.index, ...s.values], scope, out) as [Expr, ...Expr[]];
        out.push({ ...s, index, values });
        break;
      } // one more than the values
      case "loadFragment":
      case "loadMatrix":
      case "storeMatrix":
        out.push({ ...s, index: one(s.index) });
        break;
      case "packFragment":
        out.push({ ...s, values: this.trees(s.values, scope, out) });
        break;
      case "multiply":
        out.push({ ...s, sums: s.sums.map(v => (scope.vars.get(v.id) ?? v) as ExprVar) }); // what is set has a variable of its own
        break;
      case "copyAsync": {
        const [to, from, present] = this.trees([s.to, s.from, ...(s.present ? [s.present] : [])], scope, out) as [
          Expr,
          Expr,
          Expr | undefined,
        ]; // as many as given
        out.push({ ...s, to, from, ...(present && { present }) });
        break;
      }
      case "commitCopies":
      case "waitCopies":
      case "fenceProducts":
      case "fenceStores":
      case "commitStores":
      case "waitStores":
      case "meet":
      case "commitProducts":
      case "waitProducts":
      case "registers":
      case "clearMatrix":
      case "multiplyMatrices":
        out.push(s);
        break;
      case "copyBox": {
        const [to, signal, ...at] = this.trees([s.to, s.signal, ...s.at], scope, out) as [Expr, Expr, ...Expr[]]; // as many as given
        out.push({ ...s, to, signal, at });
        break;
      }
      case "storeBox": {
        const [from, ...at] = this.trees([s.from, ...s.at], scope, out) as [Expr, ...Expr[]]; // as many as given
        out.push({ ...s, from, at });
        break;
      }
      case "expect":
      case "arrive":
        out.push({ ...s, signal: one(s.signal) });
        break;
      case "awaitPhase": {
        const [signal, parity] = this.trees([s.signal, s.parity], scope, out) as [Expr, Expr]; // two for two
        out.push({ ...s, signal, parity });
        break;
      }
      case "multiplyShared": {
        const lhs = inShared(s.lhs) ? { ...s.lhs, index: one(s.lhs.index) } : s.lhs,
          rhs = { ...s.rhs, index: one(s.rhs.index) },
          sums = s.sums.map(v => (scope.vars.get(v.id) ?? v) as ExprVar); // as of multiply
        out.push({ ...s, sums, lhs, rhs });
        break;
      }
      default:
        unreachable(s);
    }
  }
  /** A condition that is one small tree is tested where it stands; any other is a variable, computed before the loop and after each turn. */
  private loop(s: Extract<TiledStmt, { kind: "while" }>, scope: Scope, out: TiledStmt[]): void {
    const before: TiledStmt[] = [],
      cond = this.trees([s.cond], scope, before)[0] as Expr; // one for one
    if (before.length === 0) {
      out.push({ kind: "while", cond, body: this.block(s.body, scope) });
      return;
    }
    const go = exprVar("go", "bool"),
      inner: Scope = { vars: new Map(scope.vars), names: new Map(scope.names) },
      body: TiledStmt[] = [],
      renamed = this.declare(go, scope);
    this.changing.add(renamed.id);
    for (const x of s.body) this.statement(x, inner, body);
    const again = this.trees([s.cond], { vars: scope.vars, names: new Map(scope.names) }, body)[0] as Expr; // one for one
    out.push(
      ...before,
      { kind: "let", v: renamed, value: cond },
      { kind: "while", cond: renamed, body: [...body, { kind: "set", v: renamed, value: again }] },
    );
  }
  /** A constant, or a variable that never changes: needs no other name. */
  private isSteady(e: Expr): boolean {
    return e.kind === "const" || (e.kind === "var" && !this.changing.has(e.id));
  }
  private declare(v: ExprVar, scope: Scope): ExprVar {
    const fresh = exprVar(v.name, v.dtype);
    if (this.set.has(v.id)) this.changing.add(fresh.id);
    scope.vars.set(v.id, fresh);
    return fresh;
  }

  /** The expressions as trees; what they share is named first. */
  private trees(exprs: readonly Expr[], scope: Scope, out: TiledStmt[]): Expr[] {
    const rename = rewriting((e, go) => this.share(e.kind === "var" ? (scope.vars.get(e.id) ?? e) : mapOperands(e, go)));
    const roots = exprs.map(e => this.share(rename(e))),
      uses = new Map<Expr, number>();
    const count = (e: Expr): void => {
      const n = uses.get(e) ?? 0;
      uses.set(e, n + 1);
      if (n === 0 && !scope.names.has(e)) operands(e).forEach(count);
    };
    roots.forEach(count);
    const done = new Map<Expr, { readonly e: Expr; readonly depth: number }>();
    const visit = (e: Expr): { readonly e: Expr; readonly depth: number } => {
      const known = done.get(e),
        named = scope.names.get(e);
      if (known) return known;
      if (named) return { e: named, depth: 0 };
      let deepest = 0;
      const tree = mapOperands(e, x => {
        const y = visit(x);
        deepest = Math.max(deepest, y.depth);
        return y.e;
      });
      const leaf = e.kind === "const" || e.kind === "var",
        depth = leaf ? 0 : deepest + 1;
      const result =
        !leaf && ((uses.get(e) ?? 0) > 1 || depth >= DEPTH) ? { e: this.named(e, tree, scope, out), depth: 0 } : { e: tree, depth };
      done.set(e, result);
      return result;
    };
    return roots.map(e => visit(e).e);
  }
  private named(e: Expr, tree: Expr, scope: Scope, out: TiledStmt[]): ExprVar {
    const v = exprVar("t", e.dtype);
    out.push({ kind: "let", v, value: tree });
    if (this.isFixed(e)) scope.names.set(e, v);
    return v;
  }
  /** Is the value the same wherever in its block it is computed: no memory, no variable that changes? */
  private isFixed(e: Expr): boolean {
    let fixed = this.fixed.get(e);
    if (fixed === undefined)
      this.fixed.set(
        e,
        (fixed = e.kind !== "load" && !(e.kind === "var" && this.changing.has(e.id)) && operands(e).every(x => this.isFixed(x))),
      );
    return fixed;
  }
}
