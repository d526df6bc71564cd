// LoopKernel -> one function (args, begin, end) over grid items. Innermost parallel loops and folds are vectorised: two vectors a turn, constants and
// invariants in locals before the loop, folds with several accumulators and a fixed tree. Threads only choose begin and end, so they never change bits.
import { unreachable } from "../../../runtime/errors/error.ts";
import type { LoopKernel, Stmt } from "../../ir/kernel.ts";
import type { Expr, ExprVar } from "../../ir/scalar.ts";
import type { FuncBuilder, GlobalRef, Local } from "./encoder/function.ts";
import type { ModuleBuilder } from "./encoder/module.ts";
import { operands } from "../../lower/indexing.ts";
import { substitute } from "../../lower/reduce.ts";
import { ExprEmitter } from "./expr.ts";
import type { Host } from "./scalar.ts";
import { elementBytes, register, type Half } from "./types.ts";
import { extract } from "./vector.ts";

/** What every kernel of a module shares. */
export interface KernelContext { readonly module: ModuleBuilder; readonly half: Half; readonly host: Host; readonly fma: boolean; readonly scratch: GlobalRef }
type For = Extract<Stmt, { kind: "for" }>;
type Fold = Extract<Stmt, { kind: "fold" }>;

/** Bytes of one thread's scratch for `k`. */
export const scratchBytes = (k: LoopKernel): number => k.scratch.reduce((n, s) => n + align(s.elements * elementBytes(s.dtype)), 0);
const align = (n: number): number => Math.ceil(n / 64) * 64;

/** Add the kernel's function to the module. */
export function emitLoops(c: KernelContext, k: LoopKernel): FuncBuilder {
  const f = c.module.func(k.name, ["i32", "i32", "i32"]), [args, begin, end] = f.params as readonly [Local, Local, Local]; // the type just given
  const bases = k.params.map((p, i) => { const base = f.local("i32"); f.get(args).mem("i32.load", 4 * i).set(base); return { base, dtype: p.dtype }; });
  let offset = 0;
  const private_ = k.scratch.map(s => { const base = f.local("i32"); f.getGlobal(c.scratch).plus(offset).set(base); offset += align(s.elements * elementBytes(s.dtype)); return { base, dtype: s.dtype }; });
  const e = new ExprEmitter(f, [...bases, ...private_], c.half, c.host, c.fma);
  new Statements(f, e).loop(k.grid.v, begin, end, k.body);
  return f;
}

class Statements {
  private readonly f: FuncBuilder;
  private readonly e: ExprEmitter;
  constructor(f: FuncBuilder, e: ExprEmitter) { this.f = f; this.e = e; }

  /** A counted loop in order; what does not change in it is computed before. */
  loop(v: ExprVar, begin: Local, end: Local, body: readonly Stmt[]): void {
    const { f, e } = this, changes = changesOf(body);
    e.forget(x => changes.stale(x));
    e.scope(() => {
      const i = e.variable(v);
      f.get(begin).set(i);
      const varying = this.varyingIn(v, changes);
      for (const x of this.invariants(exprsOf(body), varying)) e.scalar(x);
      f.for_({ index: i, from: begin, to: end }, () => e.scope(() => this.block(body)));
    });
  }
  block(stmts: readonly Stmt[]): void { for (const s of stmts) this.statement(s); }

  private statement(s: Stmt): void {
    const { f, e } = this;
    switch (s.kind) {
      case "let": { const x = e.scalar(s.value), to = e.variable(s.v); f.get(x).set(to); break; }
      case "set": { const x = e.scalar(s.value), to = e.scalar(s.v); f.get(x).set(to); e.forget(y => mentions(y, z => z.kind === "var" && z.id === s.v.id)); break; }
      case "store":
        if (s.guard) f.get(e.scalar(s.guard)).if_(() => e.scope(() => e.storeScalar(s.buf, s.index, s.value))); else e.storeScalar(s.buf, s.index, s.value);
        e.forget(y => mentions(y, z => z.kind === "load" && z.buf === s.buf));
        break;
      case "for": {
        const [begin, end] = this.bounds(s);
        if (s.parallel && s.body.every(x => x.kind === "let" || x.kind === "store") && !short(s)) this.vectorFor(s, begin, end);
        else this.loop(s.v, begin, end, s.body);
        break;
      }
      case "fold": { const [begin, end] = this.bounds(s); if (s.body.every(x => x.kind === "let") && !short(s)) this.vectorFold(s, begin, end); else this.scalarFold(s, begin, end, false); break; }
      case "while": {
        const changes = changesOf(s.body);
        e.forget(x => changes.stale(x));
        f.block(done => f.loop(top => e.scope(() => { f.get(e.scalar(s.cond)).op("i32.eqz").brIf(done); this.block(s.body); f.br(top); })));
        e.forget(x => changes.stale(x));
        break;
      }
      case "if": {
        const cond = e.scalar(s.cond), changes = changesOf([...s.yes, ...s.no]);
        f.get(cond).if_(() => e.scope(() => this.block(s.yes)), s.no.length === 0 ? undefined : () => e.scope(() => this.block(s.no)));
        e.forget(x => changes.stale(x));
        break;
      }
      default: unreachable(s);
    }
  }
  /** Bounds in locals of their own: a loop moves its first one along. */
  private bounds(s: For | Fold): readonly [Local, Local] {
    const { f, e } = this, begin = f.local("i32"), end = f.local("i32"), from = e.scalar(s.begin), to = e.scalar(s.end);
    f.get(from).set(begin).get(to).set(end);
    return [begin, end];
  }

  private vectorFor(given: For, begin: Local, end: Local): void {
    const s = { ...given, body: openIndices(given.body) };
    const { f, e } = this, changes = changesOf(s.body), varying = this.varyingIn(s.v, changes);
    e.forget(x => changes.stale(x));
    const exprs = exprsOf(s.body), lanes = this.lanesFor(exprs, varying);
    e.scope(() => {
      const i = e.variable(s.v);
      f.get(begin).set(i);
      e.vectorised(s.v, lanes, varying, () => {
        for (const x of this.invariants(exprs, varying)) { e.scalar(x); e.vector(x); }
        this.turns(i, end, lanes, 2, () => {
          for (const x of s.body) {
            if (x.kind === "let") e.bindVector(x.v, e.vector(x.value));
            else if (x.kind === "store") { e.storeVector(x.buf, x.index, x.value, x.guard); e.forget(y => mentions(y, z => z.kind === "load" && z.buf === x.buf)); }
          }
        });
      });
      this.loop(s.v, i, end, s.body);
    });
  }
  /** `body` for i, i + lanes, ... while `unroll` whole vectors fit below `end`; each in a scope of its own. */
  private turns(i: Local, end: Local, lanes: number, unroll: number, body: (u: number) => void): void {
    const { f, e } = this, stop = f.local("i32");
    f.get(end).i32(lanes * unroll - 1).op("i32.sub").set(stop); // i < stop: a whole turn fits
    f.block(done => f.loop(top => {
      f.get(i).get(stop).op("i32.ge_s").brIf(done);
      for (let u = 0; u < unroll; u++) { e.scope(() => body(u)); f.advance(i, lanes); }
      f.br(top);
    }));
  }
  private scalarFold(s: Fold, begin: Local, end: Local, started: boolean): void {
    const { f, e } = this;
    if (!started) s.folds.forEach(({ acc, init }) => { const x = e.scalar(init), to = e.variable(acc); f.get(x).set(to); });
    const next = s.folds.map(({ acc }) => f.local(register(acc.dtype)));
    const changes = changesOf(s.body);
    e.forget(x => changes.stale(x));
    e.scope(() => {
      const i = e.variable(s.v);
      f.get(begin).set(i);
      const varying = this.varyingIn(s.v, changes, [...s.a, ...s.b]);
      for (const x of this.invariants([...exprsOf(s.body), ...s.values, ...s.combine], varying)) e.scalar(x);
      f.for_({ index: i, from: begin, to: end }, () => e.scope(() => {
        this.block(s.body);
        s.folds.forEach(({ acc }, k) => { e.bindVar(s.a[k] as ExprVar, e.scalar(acc)); e.bindVar(s.b[k] as ExprVar, e.scalar(s.values[k] as Expr)); }); // one of each per fold
        s.combine.forEach((x, k) => { f.get(e.scalar(x)).set(next[k] as Local); }); // one next per fold
        s.folds.forEach(({ acc }, k) => { f.get(next[k] as Local).set(e.scalar(acc)); }); // one next per fold
      }));
    });
  }
  private vectorFold(s: Fold, begin: Local, end: Local): void {
    const { f, e } = this, changes = changesOf(s.body), varying = this.varyingIn(s.v, changes, [...s.a, ...s.b]), unroll = s.folds.length === 1 ? 4 : 2;
    const exprs = [...exprsOf(s.body), ...s.values, ...s.combine], lanes = this.lanesFor(exprs, varying);
    s.folds.forEach(({ acc, init }) => { const x = e.scalar(init), to = e.variable(acc); f.get(x).set(to); });
    e.forget(x => changes.stale(x));
    e.scope(() => {
      const i = e.variable(s.v);
      f.get(begin).set(i);
      e.vectorised(s.v, lanes, varying, () => {
        for (const x of this.invariants(exprs, varying)) { e.scalar(x); e.vector(x); }
        const parts = Array.from({ length: unroll }, () => s.folds.map(({ init }) => { const l = f.local("v128"); f.get(e.vector(init)).set(l); return l; }));
        const merge = (into: readonly Local[], from: readonly Local[]): void => e.scope(() => {
          into.forEach((l, k) => { e.bindVector(s.a[k] as ExprVar, l); e.bindVector(s.b[k] as ExprVar, from[k] as Local); }); // one of each per fold
          const next = s.combine.map(x => e.vector(x));
          next.forEach((n, k) => { f.get(n).set(into[k] as Local); }); // one accumulator per fold
        });
        this.turns(i, end, lanes, unroll, u => {
          for (const x of s.body) if (x.kind === "let") e.bindVector(x.v, e.vector(x.value));
          const values = s.values.map(x => e.vector(x));
          merge(parts[u] as readonly Local[], values); // u < unroll
        });
        for (let width = unroll >> 1; width >= 1; width >>= 1) for (let u = 0; u < width; u++) merge(parts[u] as readonly Local[], parts[u + width] as readonly Local[]); // both below unroll
        this.foldLanes(s, parts[0] as readonly Local[], lanes); // unroll is at least 2
      });
      this.scalarFold(s, i, end, true);
    });
  }
  /** Combine the lanes of the vector accumulators, in order, into the scalar ones. */
  private foldLanes(s: Fold, acc: readonly Local[], lanes: 2 | 4): void {
    const { f, e } = this;
    for (let k = 0; k < lanes; k++) e.scope(() => {
      s.folds.forEach(({ acc: v }, q) => {
        const x = f.local(register(v.dtype));
        extract({ ...e.context(), lanes }, v.dtype, acc[q] as Local, k); // one accumulator per fold
        f.set(x);
        e.bindVar(s.a[q] as ExprVar, e.scalar(v)); // one placeholder of each kind per fold
        e.bindVar(s.b[q] as ExprVar, x); // likewise
      });
      const next = s.combine.map(x => { const to = f.local(register(x.dtype)), from = e.scalar(x); f.get(from).set(to); return to; });
      s.folds.forEach(({ acc: v }, q) => { f.get(next[q] as Local).set(e.scalar(v)); }); // one per fold
    });
  }

  /** Does an expression change from turn to turn? */
  private varyingIn(v: ExprVar, changes: Changes, more: readonly ExprVar[] = []): (e: Expr) => boolean {
    const ids = new Set([v.id, ...changes.vars, ...more.map(x => x.id)]), memo = new Map<Expr, boolean>();
    const varies = (x: Expr): boolean => {
      const known = memo.get(x);
      if (known !== undefined) return known;
      const yes = x.kind === "var" ? ids.has(x.id) : (x.kind === "load" && changes.bufs.has(x.buf)) || this.e.parts(x).some(varies);
      memo.set(x, yes);
      return yes;
    };
    return varies;
  }
  /** The largest parts of `exprs` that do not vary. */
  private invariants(exprs: readonly Expr[], varying: (e: Expr) => boolean): Expr[] {
    const found = new Set<Expr>(), seen = new Set<Expr>();
    const visit = (x: Expr): void => {
      if (seen.has(x)) return;
      seen.add(x);
      if (!varying(x)) { if (x.kind !== "var" || x.dtype !== "i32") found.add(x); return; }
      this.e.parts(x).forEach(visit);
    };
    exprs.forEach(visit);
    return [...found];
  }
  /** 2 lanes when 64-bit values vary, else 4. */
  private lanesFor(exprs: readonly Expr[], varying: (e: Expr) => boolean): 2 | 4 {
    const seen = new Set<Expr>();
    const wide = (x: Expr): boolean => {
      if (seen.has(x)) return false;
      seen.add(x);
      return x.dtype === "f64" || (varying(x) && this.e.parts(x).some(wide));
    };
    return exprs.some(wide) ? 2 : 4;
  }
}

/** Named positions (i32, not read from memory) are written out where they are used, so that addresses show how they depend on the loop variable. */
function openIndices(body: readonly Stmt[]): readonly Stmt[] {
  const known = new Map<Expr, Expr>(), open = (x: Expr): Expr => (known.size === 0 ? x : substitute(x, known));
  return body.flatMap((s): Stmt[] => {
    if (s.kind === "let") {
      const value = open(s.value);
      if (s.v.dtype !== "i32" || mentions(value, x => x.kind === "load")) return [{ ...s, value }];
      known.set(s.v, value);
      return [];
    }
    return s.kind === "store" ? [{ ...s, index: open(s.index), value: open(s.value), ...(s.guard ? { guard: open(s.guard) } : {}) }] : [s];
  });
}

const short = (s: For | Fold): boolean => s.begin.kind === "const" && s.end.kind === "const" && s.end.value - s.begin.value < 4;

/** What a block changes: variables it defines or sets, buffers it stores to. */
interface Changes { readonly vars: ReadonlySet<number>; readonly bufs: ReadonlySet<number>; stale(e: Expr): boolean }
function changesOf(stmts: readonly Stmt[]): Changes {
  const vars = new Set<number>(), bufs = new Set<number>();
  const visit = (s: Stmt): void => {
    switch (s.kind) {
      case "let": case "set": vars.add(s.v.id); break;
      case "store": bufs.add(s.buf); break;
      case "for": vars.add(s.v.id); s.body.forEach(visit); break;
      case "fold": vars.add(s.v.id); s.folds.forEach(x => vars.add(x.acc.id)); [...s.a, ...s.b].forEach(x => vars.add(x.id)); s.body.forEach(visit); break;
      case "while": s.body.forEach(visit); break;
      case "if": s.yes.forEach(visit); s.no.forEach(visit); break;
      default: unreachable(s);
    }
  };
  stmts.forEach(visit);
  return { vars, bufs, stale: e => mentions(e, x => (x.kind === "var" && vars.has(x.id)) || (x.kind === "load" && bufs.has(x.buf))) };
}
/** Expressions of a block that run whenever it does (not those behind a condition). */
function exprsOf(stmts: readonly Stmt[]): Expr[] {
  return stmts.flatMap(s => {
    switch (s.kind) {
      case "let": case "set": return [s.value];
      case "store": return s.guard ? [s.guard] : [s.index, s.value];
      case "for": return [s.begin, s.end, ...exprsOf(s.body)];
      case "fold": return [s.begin, s.end, ...s.folds.map(x => x.init), ...exprsOf(s.body), ...s.values, ...s.combine];
      case "while": return [];
      case "if": return [s.cond];
      default: return unreachable(s);
    }
  });
}
function mentions(e: Expr, test: (e: Expr) => boolean): boolean {
  const seen = new Set<Expr>();
  const visit = (x: Expr): boolean => {
    if (seen.has(x)) return false;
    seen.add(x);
    return test(x) || operands(x).some(visit);
  };
  return visit(e);
}
