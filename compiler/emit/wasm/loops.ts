// LoopKernel -> one function (args, begin, end) over grid items. Innermost parallel loops and folds are vectorised (vectors.ts); the rest runs in order, with
// what does not change computed before each loop. Threads only choose begin and end, so they never change bits.
import { unreachable } from "../../../runtime/errors/error.ts";
import type { LoopKernel, Stmt } from "../../ir/kernel.ts";
import type { Expr, ExprVar } from "../../ir/scalar.ts";
import type { FuncBuilder, GlobalRef, Local } from "./encoder/function.ts";
import type { ModuleBuilder } from "./encoder/module.ts";
import { changesOf, invariants, varyingIn } from "./analysis.ts";
import { ExprEmitter } from "./expr.ts";
import { countUses, prepare } from "../../lower/prepare.ts";
import { elementBytes, register, type Routines } from "./types.ts";
import { chooseElements, isFlat, vectorFold, vectorFor } from "./vectors.ts";

/** What every kernel of a module shares. */
export interface KernelContext {
  readonly module: ModuleBuilder;
  readonly routines: Routines;
  readonly fma: boolean;
  readonly scratch: GlobalRef;
}
type For = Extract<Stmt, { kind: "for" }>;
type Fold = Extract<Stmt, { kind: "fold" }>;

/** Bytes of one thread's scratch for `k`. */
export const scratchBytes = (k: LoopKernel): number => k.scratch.reduce((n, s) => n + align(s.elements * elementBytes(s.dtype)), 0);
const align = (n: number): number => Math.ceil(n / 64) * 64;

/** Add the kernel's function to the module. */
export function emitLoops(c: KernelContext, k: LoopKernel): FuncBuilder {
  const f = c.module.func(k.name, ["i32", "i32", "i32"]),
    [args, begin, end] = f.params as readonly [Local, Local, Local]; // the type just given
  const bases = k.params.map((p, i) => {
    const base = f.local("i32");
    f.get(args)
      .mem("i32.load", 4 * i)
      .set(base);
    return { base, dtype: p.dtype };
  });
  let offset = 0;
  const own = k.scratch.map(s => {
    const base = f.local("i32");
    f.getGlobal(c.scratch).plus(offset).set(base);
    offset += align(s.elements * elementBytes(s.dtype));
    return { base, dtype: s.dtype };
  });
  const body = prepare(k.body);
  new Statements(f, new ExprEmitter(f, [...bases, ...own], c.routines, c.fma, countUses(body))).loop(k.grid.v, begin, end, body);
  return f;
}

/** Emits statements in order. */
class Statements {
  private readonly f: FuncBuilder;
  private readonly e: ExprEmitter;
  constructor(f: FuncBuilder, e: ExprEmitter) {
    this.f = f;
    this.e = e;
  }

  /** A counted loop in order. Does nothing, hoisted code included, when `begin` is not below `end`. */
  loop(v: ExprVar, begin: Local, end: Local, body: readonly Stmt[]): void {
    this.turns(v, begin, end, body, [], () => this.block(body));
  }
  private turns(
    v: ExprVar,
    begin: Local,
    end: Local,
    body: readonly Stmt[],
    more: readonly Expr[],
    turn: () => void,
    names: readonly ExprVar[] = [],
  ): void {
    const { f, e } = this,
      changes = changesOf(body),
      varying = varyingIn(e, [v, ...names], changes);
    e.forget(changes);
    f.get(begin)
      .get(end)
      .op("i32.lt_s")
      .if_(() =>
        e.scope(() => {
          const i = e.variable(v);
          f.get(begin).set(i);
          for (const x of invariants(body, more, varying)) e.scalar(x);
          f.loop(top => {
            e.scope(turn);
            f.advance(i, 1).get(i).get(end).op("i32.lt_s").brIf(top);
          });
        }),
      );
  }
  private block(stmts: readonly Stmt[]): void {
    for (const s of stmts) this.statement(s);
  }

  private statement(s: Stmt): void {
    const { f, e } = this;
    switch (s.kind) {
      case "let": {
        const x = e.scalar(s.value),
          to = e.variable(s.v);
        f.get(x).set(to);
        break;
      }
      case "set":
        f.get(e.scalar(s.value)).set(e.scalar(s.v));
        e.forget({ vars: new Set([s.v.id]), bufs: new Set() });
        break;
      case "store":
        if (s.guard) f.get(e.scalar(s.guard)).if_(() => e.scope(() => e.store(s.buf, s.index, s.value)));
        else e.store(s.buf, s.index, s.value);
        e.forget({ vars: new Set(), bufs: new Set([s.buf]) });
        break;
      case "for":
        this.for(s);
        break;
      case "fold":
        this.fold(s);
        break;
      case "while": {
        const changes = changesOf(s.body);
        e.forget(changes);
        f.block(done =>
          f.loop(top =>
            e.scope(() => {
              f.get(e.scalar(s.cond)).op("i32.eqz").brIf(done);
              this.block(s.body);
              f.br(top);
            }),
          ),
        );
        e.forget(changes);
        break;
      }
      case "if": {
        const cond = e.scalar(s.cond),
          changes = changesOf([...s.yes, ...s.no]);
        f.get(cond).if_(() => e.scope(() => this.block(s.yes)), s.no.length === 0 ? undefined : () => e.scope(() => this.block(s.no)));
        e.forget(changes);
        break;
      }
      default:
        unreachable(s);
    }
  }
  private for(s: For): void {
    const { f, e } = this,
      begin = this.held(s.begin),
      end = this.held(s.end),
      changes = changesOf(s.body);
    const elements = s.parallel && isFlat(s.body) ? chooseElements(e, s, varyingIn(e, [s.v], changes)) : undefined;
    if (elements === undefined) {
      this.loop(s.v, begin, end, s.body);
      return;
    }
    e.forget(changes);
    const i = f.local("i32");
    f.get(begin).set(i);
    vectorFor(e, s, { i, end, elements });
    if (hasTail(s, elements)) this.loop(s.v, i, end, s.body);
  }
  private fold(s: Fold): void {
    const { f, e } = this,
      begin = this.held(s.begin),
      end = this.held(s.end),
      changes = changesOf(s.body),
      placeholders = [...s.a, ...s.b];
    const elements = isFlat(s.body) ? chooseElements(e, s, varyingIn(e, [s.v, ...placeholders], changes)) : undefined,
      accs = s.folds.map(({ acc, init }) => {
        const x = e.scalar(init),
          to = f.local(register(acc.dtype));
        f.get(x).set(to);
        return to;
      });
    s.folds.forEach(({ acc }, k) => e.bindVar(acc, accs[k] as Local)); // one for each fold
    const merge = (values: readonly Local[]): void =>
      e.scope(() => {
        s.a.forEach((v, k) => e.bindVar(v, accs[k] as Local)); // one placeholder of each kind for each fold
        s.b.forEach((v, k) => e.bindVar(v, values[k] as Local)); // likewise
        const next = s.combine.map(x => e.scalar(x)),
          held = next.map(x => {
            const to = f.local(x.type);
            f.get(x).set(to);
            return to;
          });
        held.forEach((x, k) => f.get(x).set(accs[k] as Local)); // likewise
      });
    e.forget({ vars: new Set([...changes.vars, ...s.folds.map(({ acc }) => acc.id), ...placeholders.map(v => v.id)]), bufs: changes.bufs });
    const i = f.local("i32");
    f.get(begin).set(i);
    if (elements !== undefined) vectorFold(e, s, { i, end, elements }, merge);
    if (elements === undefined || hasTail(s, elements)) {
      this.turns(
        s.v,
        i,
        end,
        s.body,
        s.values,
        () => {
          this.block(s.body);
          merge(s.values.map(x => e.scalar(x)));
        },
        placeholders,
      );
    }
  }
  /** A value in a local of its own: loops move their first bound along. */
  private held(x: Expr): Local {
    const { f, e } = this,
      to = f.local("i32");
    f.get(e.scalar(x)).set(to);
    return to;
  }
}
/** May items be left over after whole turns? */
const hasTail = (s: For | Fold, elements: number): boolean =>
  !(s.begin.kind === "const" && s.end.kind === "const" && (s.end.value - s.begin.value) % elements === 0);
