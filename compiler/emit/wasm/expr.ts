// Scalar expressions as code, for one item at a time or for the lanes of a vectorised loop. Every node becomes a local once; a loop's body looks up what was
// computed before the loop, so loop-invariant code moves out by being asked for first.
import { computeDType, type DType } from "../../../runtime/dtype.ts";
import { InternalError, unreachable } from "../../../runtime/errors/error.ts";
import type { Expr, ExprVar } from "../../ir/scalar.ts";
import { coefficient, operands } from "../../lower/indexing.ts";
import { expandUnary } from "./elementary.ts";
import type { FuncBuilder, Local } from "./encoder/function.ts";
import * as one from "./scalar.ts";
import { elementBytes, loadScalar, register, storeScalar, type Half } from "./types.ts";
import * as lane from "./vector.ts";

/** A buffer of the kernel: a local with its byte address, and its dtype. */
export interface BufferLocal { readonly base: Local; readonly dtype: DType }
/** The vectorised loop that code is inside of: the variable whose lanes are computed, and everything that varies with it. */
interface Lanes { readonly v: ExprVar; readonly count: 2 | 4; readonly varying: (e: Expr) => boolean }

/** Emits expressions of one function. */
export class ExprEmitter {
  readonly f: FuncBuilder;
  readonly half: Half;
  readonly host: one.Host;
  private readonly fma: boolean;
  private readonly buffers: readonly BufferLocal[];
  private scalars: Map<Expr, Local>[] = [new Map()];
  private vectors: Map<Expr, Local>[] = [new Map()];
  private readonly vars = new Map<number, Local>();
  private readonly expanded = new Map<Expr, Expr>();
  private lanes: Lanes | undefined;

  constructor(f: FuncBuilder, buffers: readonly BufferLocal[], half: Half, host: one.Host, fma: boolean) {
    this.f = f;
    this.buffers = buffers;
    this.half = half;
    this.host = host;
    this.fma = fma;
  }

  /** Make `local` the value of a variable. */
  bindVar(v: ExprVar, local: Local): void { this.vars.set(v.id, local); }
  /** A fresh local for a variable. */
  variable(v: ExprVar): Local {
    const l = this.f.local(register(v.dtype));
    this.bindVar(v, l);
    return l;
  }
  /** Values computed inside `body` are forgotten after it. */
  scope(body: () => void): void {
    this.scalars.push(new Map());
    this.vectors.push(new Map());
    body();
    this.scalars.pop();
    this.vectors.pop();
  }
  /** Code in `body` computes `count` lanes, lane k at v + k. `varying` tells what differs from lane to lane or turn to turn. */
  vectorised(v: ExprVar, count: 2 | 4, varying: (e: Expr) => boolean, body: () => void): void {
    const before = this.lanes;
    this.lanes = { v, count, varying };
    body();
    this.lanes = before;
  }
  /** Give an expression (a let, an accumulator) its vector value. */
  bindVector(e: Expr, local: Local): void { this.vectors.at(-1)?.set(e, local); }
  /** Drop remembered values that `changed` says are stale. */
  forget(changed: (e: Expr) => boolean): void {
    for (const layers of [this.scalars, this.vectors]) for (const m of layers) for (const e of m.keys()) if (changed(e)) m.delete(e);
  }

  /** A local with the value of `e` for the current item. */
  scalar(e: Expr): Local {
    if (e.kind === "var") {
      const l = this.vars.get(e.id);
      if (!l) throw new InternalError(`variable ${e.name} is unbound`);
      return l;
    }
    const known = lookup(this.scalars, e);
    if (known) return known;
    const to = this.computeScalar(e);
    this.scalars.at(-1)?.set(e, to);
    return to;
  }
  /** A v128 local with the value of `e` in the current lanes. */
  vector(e: Expr): Local {
    const known = lookup(this.vectors, e);
    if (known) return known;
    const to = this.f.local("v128");
    this.computeVector(e);
    this.f.set(to);
    this.vectors.at(-1)?.set(e, to);
    return to;
  }
  /** Push the byte address of element `index`. */
  address(buf: number, index: Expr): void {
    const b = this.buffer(buf), bytes = elementBytes(b.dtype);
    this.f.get(this.scalar(index));
    if (bytes > 1) this.f.i32(Math.log2(bytes)).op("i32.shl");
    this.f.get(b.base).op("i32.add");
  }
  buffer(buf: number): BufferLocal {
    const b = this.buffers[buf];
    if (!b) throw new InternalError(`kernel buffer ${buf} does not exist`);
    return b;
  }
  /** Store one element. */
  storeScalar(buf: number, index: Expr, value: Expr): void {
    const v = this.scalar(value);
    this.address(buf, index);
    this.f.get(v);
    storeScalar(this.f, this.buffer(buf).dtype, this.half);
  }
  /** Store the current lanes. */
  storeVector(buf: number, index: Expr, value: Expr, guard?: Expr): void {
    const c = this.context(), { f } = this, { dtype } = this.buffer(buf), v = this.vector(value), mask = guard && this.vector(guard);
    const step = coefficient(index, this.current().v);
    if (!mask && step === 1 && (dtype === "f32" || dtype === "i32" || dtype === "u32" || dtype === "f64")) {
      this.address(buf, index);
      f.get(v);
      if (c.lanes === 4 || dtype === "f64") f.mem("v128.store"); else f.memLane("v128.store64_lane", 0);
      return;
    }
    const at = step === undefined ? this.vector(index) : undefined, first = step === undefined ? undefined : this.scalar(index);
    for (let k = 0; k < c.lanes; k++) {
      const put = (): void => {
        if (at) lane.extract(c, "i32", at, k); else if (first) f.get(first).plus(k * (step ?? 0));
        const bytes = elementBytes(dtype);
        if (bytes > 1) f.i32(Math.log2(bytes)).op("i32.shl");
        f.get(this.buffer(buf).base).op("i32.add");
        lane.extract(c, value.dtype, v, k);
        storeScalar(f, dtype, this.half);
      };
      if (mask) { lane.extract(c, "bool", mask, k); f.if_(put); } else put();
    }
  }
  /** What `e` is computed from: its expansion, or its operands. */
  parts(e: Expr): readonly Expr[] {
    const x = e.kind === "unary" ? this.expand(e) : undefined;
    return x ? [x] : operands(e);
  }
  /** The lane context of the loop that code is inside of. */
  context(): lane.LaneContext { return { f: this.f, lanes: this.current().count, host: this.host, half: this.half, fma: this.fma }; }

  private current(): Lanes {
    if (!this.lanes) throw new InternalError("vector code outside a vectorised loop");
    return this.lanes;
  }
  private expand(e: Extract<Expr, { kind: "unary" }>): Expr | undefined {
    const known = this.expanded.get(e);
    if (known) return known;
    const x = expandUnary(e.op, e.x);
    if (x) this.expanded.set(e, x);
    return x;
  }
  private computeScalar(e: Exclude<Expr, { kind: "var" }>): Local {
    const { f } = this;
    if (e.kind === "unary") { const x = this.expand(e); if (x) return this.scalar(x); }
    const operandsOf = operands(e);
    if (e.kind !== "load" || !e.guard) for (const x of operandsOf) this.scalar(x); // operands first: nothing else is on the stack meanwhile
    const to = f.local(register(e.dtype));
    switch (e.kind) {
      case "const": if (register(e.dtype) === "f32") f.f32(e.value); else if (register(e.dtype) === "f64") f.f64(e.value); else f.i32(e.value | 0); break;
      case "unary": one.unary(f, e.op, e.x.dtype, this.scalar(e.x), this.host); break;
      case "binary": one.binary(f, e.op, e.dtype, this.scalar(e.x), this.scalar(e.y), this.host); break;
      case "compare": one.compare(f, e.op, e.x.dtype, this.scalar(e.x), this.scalar(e.y)); break;
      case "fma": this.scalarFma(e.dtype, this.scalar(e.x), this.scalar(e.y), this.scalar(e.z)); break;
      case "select": f.get(this.scalar(e.x)).get(this.scalar(e.y)).get(this.scalar(e.cond)).op("select"); break;
      case "convert": one.convert(f, e.x.dtype, e.dtype, this.scalar(e.x), this.half); break;
      case "bitcast": one.bitcast(f, e.x.dtype, e.dtype, this.scalar(e.x), this.half); break;
      case "load": {
        if (!e.guard) { this.address(e.buf, e.index); loadScalar(f, this.buffer(e.buf).dtype, this.half); break; }
        const g = this.scalar(e.guard), index = this.scalar(e.index), other = e.otherwise && this.scalar(e.otherwise);
        f.get(g).if_(() => { this.addressOf(e.buf, index); loadScalar(f, this.buffer(e.buf).dtype, this.half); f.set(to); }, () => { this.pushOr0(other, e.dtype); f.set(to); });
        return to;
      }
      default: unreachable(e);
    }
    f.set(to);
    return to;
  }
  /** Rounded as the lanes are: fused exactly when they fuse, so that a loop's tail agrees with its body. */
  private scalarFma(d: DType, x: Local, y: Local, z: Local): void {
    const { f } = this, r = register(d);
    if (r === "i32" || !this.fma) { const t = r; f.get(x).get(y).op(`${t}.mul`).get(z).op(`${t}.add`); return; }
    const shape = r === "f32" ? "f32x4" : "f64x2";
    f.get(x).op(`${shape}.splat`).get(y).op(`${shape}.splat`).get(z).op(`${shape}.splat`).op(`${shape}.relaxed_madd`).lane(`${shape}.extract_lane`, 0);
  }
  private addressOf(buf: number, index: Local): void {
    const b = this.buffer(buf), bytes = elementBytes(b.dtype);
    this.f.get(index);
    if (bytes > 1) this.f.i32(Math.log2(bytes)).op("i32.shl");
    this.f.get(b.base).op("i32.add");
  }
  private pushOr0(x: Local | undefined, d: DType): void {
    if (x) this.f.get(x);
    else if (register(d) === "f32") this.f.f32(0); else if (register(d) === "f64") this.f.f64(0); else this.f.i32(0);
  }
  /** Push the lanes of `e`. */
  private computeVector(e: Expr): void {
    const { f } = this, c = this.context(), { v, varying } = this.current();
    if (!varying(e)) { const x = this.scalar(e); lane.splat(c, e.dtype, x); return; }
    switch (e.kind) {
      case "const": throw new InternalError("a constant varies");
      case "var":
        if (e.id !== v.id) throw new InternalError(`variable ${e.name} has no lanes`);
        f.get(this.scalar(v)).op("i32x4.splat").v128(new Uint8Array(Int32Array.of(0, 1, 2, 3).buffer)).op("i32x4.add");
        return;
      case "unary": {
        const x = this.expand(e);
        if (x) { f.get(this.vector(x)); return; }
        lane.unary(c, e.op, e.x.dtype, this.vector(e.x));
        return;
      }
      case "binary": {
        const x = this.vector(e.x), shift = e.op === "shl" || e.op === "shr" || e.op === "sar", fixed = shift && !varying(e.y) ? this.scalar(e.y) : undefined;
        lane.binary(c, e.op, e.dtype, x, fixed ?? this.vector(e.y), fixed);
        return;
      }
      case "compare": { const x = this.vector(e.x), y = this.vector(e.y); lane.compare(c, e.op, e.x.dtype, x, y); return; }
      case "fma": { const x = this.vector(e.x), y = this.vector(e.y), z = this.vector(e.z); lane.fma(c, e.dtype, x, y, z); return; }
      case "select": { const m = this.vector(e.cond), x = this.vector(e.x), y = this.vector(e.y); lane.select(c, e.dtype, m, x, y); return; }
      case "convert": lane.convert(c, e.x.dtype, e.dtype, this.vector(e.x)); return;
      case "bitcast": lane.bitcast(c, e.x.dtype, e.dtype, this.vector(e.x)); return;
      case "load": this.loadVector(e); return;
      default: unreachable(e);
    }
  }
  private loadVector(e: Extract<Expr, { kind: "load" }>): void {
    const { f } = this, c = this.context(), { dtype } = this.buffer(e.buf), step = coefficient(e.index, this.current().v), bytes = elementBytes(dtype);
    const whole = dtype === "f32" || dtype === "i32" || dtype === "u32" || dtype === "f64";
    const fast = (): void => { this.address(e.buf, e.index); if (c.lanes === 4 || dtype === "f64") f.mem("v128.load"); else f.mem("v128.load64_zero"); };
    if (!e.guard && step === 1 && whole) { fast(); return; }
    const mask = e.guard && this.vector(e.guard), other = e.otherwise && this.vector(e.otherwise);
    const first = step === undefined ? undefined : this.scalar(e.index), at = step === undefined ? this.vector(e.index) : undefined, out = f.local("v128");
    const slow = (): void => lane.build(c, computeDType(dtype), k => {
      const read = (): void => {
        if (first) f.get(first).plus(k * (step ?? 0)); else if (at) lane.extract(c, "i32", at, k);
        if (bytes > 1) f.i32(Math.log2(bytes)).op("i32.shl");
        f.get(this.buffer(e.buf).base).op("i32.add");
        loadScalar(f, dtype, this.half);
      };
      if (!mask) { read(); return; }
      lane.extract(c, "bool", mask, k);
      f.if_(read, () => { if (other) lane.extract(c, e.dtype, other, k); else this.pushOr0(undefined, e.dtype); }, register(e.dtype));
    });
    if (mask && step === 1 && whole) {
      f.get(mask).op(c.lanes === 4 ? "i32x4.all_true" : "i64x2.all_true").if_(() => { f.get(first as Local); if (bytes > 1) f.i32(Math.log2(bytes)).op("i32.shl"); f.get(this.buffer(e.buf).base).op("i32.add"); if (c.lanes === 4 || dtype === "f64") f.mem("v128.load"); else f.mem("v128.load64_zero"); f.set(out); }, () => { slow(); f.set(out); }); // step is known, so first is
      f.get(out);
      return;
    }
    slow();
  }
}
const lookup = (layers: readonly Map<Expr, Local>[], e: Expr): Local | undefined => {
  for (let i = layers.length - 1; i >= 0; i--) { const l = layers[i]?.get(e); if (l) return l; }
  return undefined;
};
