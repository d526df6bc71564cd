// Scalar expressions as code, one item at a time. Every node becomes a local once; a loop's body looks up what was computed before the loop, so
// loop-invariant code moves out by being asked for first. Expressions come prepared (lower/prepare.ts): shared, without elementary functions.
import type { DType } from "../../../runtime/dtype.ts";
import { InternalError, unreachable } from "../../../runtime/errors/error.ts";
import type { Expr, ExprVar } from "../../ir/scalar.ts";
import { operands } from "../../ir/exprs.ts";
import { dearSide, type Side } from "./analysis.ts";
import type { FuncBuilder, Local } from "./encoder/function.ts";
import * as one from "./scalar.ts";
import { elementBytes, loadScalar, register, storeScalar, type Routines } from "./types.ts";

/** A buffer of the kernel: a local with its byte address, and its dtype. */
export interface BufferLocal {
  readonly base: Local;
  readonly dtype: DType;
}
/** What a block may change: variables that are set or defined again, buffers that are stored to. */
export interface Changes {
  readonly vars: ReadonlySet<number>;
  readonly bufs: ReadonlySet<number>;
}

/** Emits expressions of one function. */
export class ExprEmitter {
  readonly f: FuncBuilder;
  readonly routines: Routines;
  readonly fma: boolean;
  private readonly buffers: readonly BufferLocal[];
  private readonly scopes: Map<Expr, Local>[] = [new Map()];
  private readonly vars = new Map<number, Local>();
  private readonly touched = new Map<Expr, Changes>();
  private readonly sides = new Map<Expr, Side | undefined>();
  /** How often each expression is used in the kernel. */
  readonly uses: ReadonlyMap<Expr, number>;

  constructor(
    f: FuncBuilder,
    buffers: readonly BufferLocal[],
    routines: Routines,
    fma: boolean,
    uses: ReadonlyMap<Expr, number> = new Map(),
  ) {
    this.uses = uses;
    this.f = f;
    this.buffers = buffers;
    this.routines = routines;
    this.fma = fma;
  }

  /** Make `local` the value of a variable. */
  bindVar(v: ExprVar, local: Local): void {
    this.vars.set(v.id, local);
  }
  /** A fresh local for a variable. */
  variable(v: ExprVar): Local {
    const l = this.f.local(register(v.dtype));
    this.bindVar(v, l);
    return l;
  }
  /** Values computed inside `body` are forgotten after it. */
  scope(body: () => void): void {
    this.scopes.push(new Map());
    body();
    this.scopes.pop();
  }
  /** Drop remembered values that the changes make stale. */
  forget(changes: Changes): void {
    if (changes.vars.size === 0 && changes.bufs.size === 0) return;
    for (const m of this.scopes) for (const e of m.keys()) if (this.depends(e, changes)) m.delete(e);
  }
  /** Does `e` read a changed variable or buffer? */
  depends(e: Expr, changes: Changes): boolean {
    const { vars, bufs } = this.reads(e);
    return overlap(vars, changes.vars) || overlap(bufs, changes.bufs);
  }
  /** Variables and buffers that `e` reads. */
  private reads(e: Expr): Changes {
    const known = this.touched.get(e);
    if (known) return known;
    const parts = operands(e).map(x => this.reads(x)),
      own: Changes = { vars: new Set(e.kind === "var" ? [e.id] : []), bufs: new Set(e.kind === "load" ? [e.buf] : []) };
    const result = parts.reduce(union, own);
    this.touched.set(e, result);
    return result;
  }

  /** A local with the value of `e` for the current item. */
  scalar(e: Expr): Local {
    if (e.kind === "var") {
      const l = this.vars.get(e.id);
      if (!l) throw new InternalError(`variable ${e.name} is unbound`);
      return l;
    }
    for (let i = this.scopes.length - 1; i >= 0; i--) {
      const known = this.scopes[i]?.get(e);
      if (known) return known;
    }
    const to = this.compute(e);
    this.scopes.at(-1)?.set(e, to);
    return to;
  }
  /** Push the byte address of element `index`. */
  address(buf: number, index: Expr): void {
    this.addressAt(buf, this.scalar(index));
  }
  /** Push the byte address of the element that a local numbers. */
  addressAt(buf: number, index: Local): void {
    const b = this.buffer(buf);
    this.f.get(index).times(elementBytes(b.dtype)).get(b.base).op("i32.add");
  }
  /** The buffer numbered `buf`. */
  buffer(buf: number): BufferLocal {
    const b = this.buffers[buf];
    if (!b) throw new InternalError(`kernel buffer ${buf} does not exist`);
    return b;
  }
  /** Store one element. */
  store(buf: number, index: Expr, value: Expr): void {
    const v = this.scalar(value);
    this.address(buf, index);
    this.f.get(v);
    storeScalar(this.f, this.buffer(buf).dtype, this.routines);
  }
  /** Push a local, or zero. */
  pushOr0(x: Local | undefined, d: DType): void {
    if (x) this.f.get(x);
    else if (register(d) === "f32") this.f.f32(0);
    else if (register(d) === "f64") this.f.f64(0);
    else this.f.i32(0);
  }

  private compute(e: Exclude<Expr, { kind: "var" }>): Local {
    const { f } = this;
    if (e.kind === "select" && (this.side(e.x) ?? this.side(e.y))) return this.branch(e);
    for (const x of operands(e)) this.scalar(x); // operands first: nothing else is on the stack meanwhile
    const to = f.local(register(e.dtype));
    switch (e.kind) {
      case "const":
        if (register(e.dtype) === "f32") f.f32(e.value);
        else if (register(e.dtype) === "f64") f.f64(e.value);
        else f.i32(e.value | 0);
        break;
      case "unary":
        one.unary(f, e.op, e.x.dtype, this.scalar(e.x));
        break;
      case "binary":
        one.binary(f, e.op, e.dtype, this.scalar(e.x), this.scalar(e.y), this.routines);
        break;
      case "compare":
        one.compare(f, e.op, e.x.dtype, this.scalar(e.x), this.scalar(e.y));
        break;
      case "fma":
        this.multiplyAdd(e.dtype, this.scalar(e.x), this.scalar(e.y), this.scalar(e.z));
        break;
      case "select":
        f.get(this.scalar(e.x)).get(this.scalar(e.y)).get(this.scalar(e.cond)).op("select");
        break;
      case "convert":
        one.convert(f, e.x.dtype, e.dtype, this.scalar(e.x), this.routines);
        break;
      case "bitcast":
        one.bitcast(f, e.x.dtype, e.dtype, this.scalar(e.x), this.routines);
        break;
      case "load": {
        const read = (): void => {
          this.address(e.buf, e.index);
          loadScalar(f, this.buffer(e.buf).dtype, this.routines);
        };
        if (e.guard)
          f.get(this.scalar(e.guard)).if_(read, () => this.pushOr0(e.otherwise && this.scalar(e.otherwise), e.dtype), register(e.dtype));
        else read();
        break;
      }
      default:
        unreachable(e);
    }
    f.set(to);
    return to;
  }
  /** What a dear side of a select needs from outside of it. */
  side(x: Expr): Side | undefined {
    if (!this.sides.has(x)) this.sides.set(x, dearSide(x, this.uses));
    return this.sides.get(x);
  }
  /** A select of which only one side is computed. */
  private branch({ cond, x, y, dtype }: Extract<Expr, { kind: "select" }>): Local {
    const { f } = this,
      to = f.local(register(dtype)),
      c = this.scalar(cond);
    for (const side of [x, y]) for (const shared of this.side(side)?.shared ?? [side]) this.scalar(shared);
    const choose = (side: Expr) => (): void =>
      this.scope(() => {
        f.get(this.scalar(side)).set(to);
      });
    f.get(c).if_(choose(x), choose(y));
    return to;
  }
  /** Rounded as the lanes are: fused exactly when they fuse, so that a loop's tail agrees with its body. */
  private multiplyAdd(d: DType, x: Local, y: Local, z: Local): void {
    const { f } = this,
      r = register(d);
    if (r === "i32" || !this.fma) {
      f.get(x).get(y).op(`${r}.mul`).get(z).op(`${r}.add`);
      return;
    }
    const shape = r === "f32" ? "f32x4" : "f64x2";
    f.get(x)
      .op(`${shape}.splat`)
      .get(y)
      .op(`${shape}.splat`)
      .get(z)
      .op(`${shape}.splat`)
      .op(`${shape}.relaxed_madd`)
      .lane(`${shape}.extract_lane`, 0);
  }
}

function overlap(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
  const [small, large] = a.size < b.size ? [a, b] : [b, a];
  for (const x of small) if (large.has(x)) return true;
  return false;
}
function union(a: Changes, b: Changes): Changes {
  const add = (p: ReadonlySet<number>, q: ReadonlySet<number>): ReadonlySet<number> =>
    contains(p, q) ? p : contains(q, p) ? q : new Set([...p, ...q]);
  return { vars: add(a.vars, b.vars), bufs: add(a.bufs, b.bufs) };
}
function contains(p: ReadonlySet<number>, q: ReadonlySet<number>): boolean {
  for (const x of q) if (!p.has(x)) return false;
  return true;
}
