// Expressions as code for the lanes of a vectorised loop. A turn of the loop computes `elements` consecutive items, split into parts: part p of a 32-bit
// value is one vector with items 4p .. 4p+3, of a 64-bit value items 2p and 2p+1. What does not vary from turn to turn is hoisted by asking for it before the
// loop; a value used once stays on the stack. It refuses to choose loops or sizes.
import type { DType } from "../../../runtime/dtype.ts";
import { InternalError, unreachable } from "../../../runtime/errors/error.ts";
import type { Expr, ExprVar } from "../../ir/scalar.ts";
import { operands } from "../../ir/exprs.ts";
import type { Local } from "./encoder/function.ts";
import type { ExprEmitter } from "./expr.ts";
import { convertLanes, maskWidth, resizeMask } from "./lane_widths.ts";
import { LaneMemory } from "./memory.ts";
import { register } from "./types.ts";
import * as vec from "./vector.ts";
import { lanesOf, widthOf, type LaneContext, type Vector, type Width } from "./vector.ts";

/** A vectorised loop: items v, v+1, ...; `i` holds v at the start of a turn. */
export interface LaneLoop {
  readonly v: ExprVar;
  readonly i: Local;
  readonly elements: number;
  /** Does an expression change from item to item, or from turn to turn? */
  readonly varying: (e: Expr) => boolean;
  /** Does it depend on names bound inside the loop or memory that changes there? Such a position does not move evenly with `v`. */
  readonly uneven: (e: Expr) => boolean;
}
/** What is remembered: vectors by part (masks by width too), and vectors that are the same in every part. */
interface Layer {
  readonly values: Map<Expr, Local[]>;
  readonly masks: { readonly 32: Map<Expr, Local[]>; readonly 64: Map<Expr, Local[]> };
  readonly splats: Map<Expr, Local>;
}
const layer = (): Layer => ({ values: new Map(), masks: { 32: new Map(), 64: new Map() }, splats: new Map() });

/** Emits the vector code of one loop. */
export class LaneEmitter {
  readonly e: ExprEmitter;
  readonly loop: LaneLoop;
  readonly memory: LaneMemory;
  /** What operations on vectors need. */
  readonly context: LaneContext;
  private readonly layers: Layer[] = [layer()];
  private readonly hoisted = new Set<Expr>();
  private counting: Local[] = [];
  private readonly constants = new Map<number, Local>();

  constructor(e: ExprEmitter, loop: LaneLoop) {
    this.e = e;
    this.loop = loop;
    this.memory = new LaneMemory(this);
    const { f, routines, fma } = e;
    this.context = {
      f,
      routines,
      fma,
      constant: bits => {
        const known = this.constants.get(bits);
        if (known) f.get(known);
        else f.i32x4(bits);
      },
    };
  }

  /** Parts of a value. A mask is asked for by width. */
  parts(d: DType): number {
    return this.loop.elements / lanesOf(widthOf(d));
  }
  /** Vectors computed inside `body` are forgotten after it. */
  scope(body: () => void): void {
    this.layers.push(layer());
    body();
    this.layers.pop();
  }
  /** Give a name its parts (masks of 32-bit lanes for bool). */
  bind(v: ExprVar, parts: Local[]): void {
    (v.dtype === "bool" ? this.top().masks[32] : this.top().values).set(v, parts);
  }
  /** All parts of a value, in locals. */
  all(e: Expr): Local[] {
    return Array.from({ length: this.parts(e.dtype) }, (_, p) => (e.dtype === "bool" ? this.mask(e, 32, p) : this.local(e, p)));
  }
  /** Forget loads of a buffer. */
  forget(buf: number): void {
    const changes = { vars: new Set<number>(), bufs: new Set([buf]) };
    for (const { values, masks, splats } of this.layers)
      for (const m of [values, masks[32], masks[64], splats]) for (const e of m.keys()) if (this.e.depends(e, changes)) m.delete(e);
  }

  /** Before the loop: everything that code for `e` will need and that does not vary. */
  hoist(e: Expr): void {
    if (this.hoisted.has(e)) return;
    this.hoisted.add(e);
    if (!this.loop.varying(e)) {
      this.splat(e);
      return;
    }
    if (e.kind === "load") {
      this.memory.hoist(e);
      return;
    }
    if (e.kind === "var" && e.id === this.loop.v.id) {
      this.count();
      return;
    }
    if (e.kind === "binary" && isShift(e) && !this.loop.varying(e.y)) {
      this.e.scalar(e.y);
      this.hoist(e.x);
      return;
    }
    if (e.kind === "convert") {
      this.hoistHalf(e.dtype);
      this.hoistHalf(e.x.dtype);
    }
    operands(e).forEach(x => this.hoist(x));
  }
  /** Before the loop: the constants of conversions from or to a 16-bit float. */
  hoistHalf(d: DType): void {
    for (const bits of vec.halfConstants(d)) {
      if (this.constants.has(bits)) continue;
      const to = this.e.f.local("v128");
      this.e.f.i32x4(bits).set(to);
      this.constants.set(bits, to);
    }
  }

  /** A local with part `p` of a value that is not bool. */
  local(e: Expr, p: number): Local {
    if (!this.loop.varying(e)) return this.splat(e);
    const known = this.find(l => l.values.get(e)?.[p]);
    if (known) return known;
    const to = this.e.f.local("v128");
    this.compute(e, p);
    this.e.f.set(to);
    this.remember(this.top().values, e, p, to);
    return to;
  }
  /** A local with part `p` of a bool as a mask of lanes this wide. */
  mask(e: Expr, width: Width, p: number): Local {
    if (!this.loop.varying(e)) return this.splat(e);
    const known = this.find(l => l.masks[width].get(e)?.[p]);
    if (known) return known;
    const to = this.e.f.local("v128");
    this.computeMask(e, width, p);
    this.e.f.set(to);
    this.remember(this.top().masks[width], e, p, to);
    return to;
  }
  /** Part `p` of a value as an operand: on the stack if this is its only use. */
  operand(e: Expr, p: number): Vector {
    if (!this.loop.varying(e) || e.kind === "var" || e.kind === "load" || (this.e.uses.get(e) ?? 2) > 1) return this.local(e, p);
    return () => this.compute(e, p);
  }
  /** The same for a bool, in lanes of `width` bits. */
  maskOperand(e: Expr, width: Width, p: number): Vector {
    if (!this.loop.varying(e) || e.kind === "var" || e.kind === "load" || (this.e.uses.get(e) ?? 2) > 1) return this.mask(e, width, p);
    return () => this.computeMask(e, width, p);
  }

  private top(): Layer {
    const l = this.layers.at(-1);
    if (!l) throw new InternalError("no layer");
    return l;
  }
  private find(get: (l: Layer) => Local | undefined): Local | undefined {
    for (let i = this.layers.length - 1; i >= 0; i--) {
      const l = this.layers[i],
        found = l && get(l);
      if (found) return found;
    }
    return undefined;
  }
  private remember(m: Map<Expr, Local[]>, e: Expr, p: number, to: Local): void {
    const parts = m.get(e) ?? [];
    parts[p] = to;
    m.set(e, parts);
  }
  private splat(e: Expr): Local {
    const known = this.find(l => l.splats.get(e));
    if (known) return known;
    const { f } = this.e,
      to = f.local("v128"),
      x = this.e.scalar(e);
    vec.splat(f, e.dtype, x);
    f.set(to);
    this.top().splats.set(e, to);
    return to;
  }
  /** Vectors 4p, 4p+1, 4p+2, 4p+3 for the loop variable's parts. */
  private count(): Local[] {
    if (this.counting.length === 0) {
      this.counting = Array.from({ length: this.parts("i32") }, (_, p) => {
        const l = this.e.f.local("v128");
        this.e.f.v128(Int32Array.of(4 * p, 4 * p + 1, 4 * p + 2, 4 * p + 3)).set(l);
        return l;
      });
    }
    return this.counting;
  }

  /** Push part `p` of a value that varies and is not bool. */
  private compute(e: Expr, p: number): void {
    const { e: scalars, context: c } = this,
      { f } = scalars;
    switch (e.kind) {
      case "const":
        throw new InternalError("a constant varies");
      case "var":
        if (e.id !== this.loop.v.id) throw new InternalError(`variable ${e.name} has no lanes`);
        f.get(this.loop.i)
          .op("i32x4.splat")
          .get(this.count()[p] as Local)
          .op("i32x4.add"); // one for each part
        return;
      case "unary":
        vec.unary(c, e.op, e.x.dtype, this.operand(e.x, p));
        return;
      case "binary": {
        if (isShift(e) && e.y.kind === "const" && e.y.value >= 0 && e.y.value < 32) {
          vec.shiftBy(c, e.op, this.operand(e.x, p), e.y.value);
          return;
        }
        const shift = isShift(e) && !this.loop.varying(e.y) ? scalars.scalar(e.y) : undefined;
        vec.binary(c, e.op, e.dtype, this.operand(e.x, p), shift ?? this.operand(e.y, p), shift);
        return;
      }
      case "fma": {
        f.push(this.operand(e.x, p)).push(this.operand(e.y, p));
        const shape = vec.shapeOf(e.dtype);
        if (shape !== "i32x4" && scalars.fma) f.push(this.operand(e.z, p)).op(`${shape}.relaxed_madd`);
        else f.op(`${shape}.mul`).push(this.operand(e.z, p)).op(`${shape}.add`);
        return;
      }
      case "select":
        this.select(e, p);
        return;
      case "convert":
        convertLanes(this, e, p);
        return;
      case "bitcast":
        vec.bitcast(c, e.x.dtype, e.dtype, this.operand(e.x, p));
        return;
      case "load":
        this.memory.load(e, p);
        return;
      case "compare":
        throw new InternalError("a comparison is a mask");
      default:
        unreachable(e);
    }
  }
  private select(e: Extract<Expr, { kind: "select" }>, p: number): void {
    const { f } = this.e,
      { cond, x, y } = e,
      shape = vec.shapeOf(e.dtype);
    if (shape !== "i32x4" && cond.kind === "compare" && (cond.op === "lt" || cond.op === "gt")) {
      const [low, high] = cond.op === "lt" ? [cond.x, cond.y] : [cond.y, cond.x]; // the condition is low < high
      if (x === low && y === high) {
        f.push(this.operand(high, p)).push(this.operand(low, p)).op(`${shape}.pmin`);
        return;
      }
      if (x === high && y === low) {
        f.push(this.operand(low, p)).push(this.operand(high, p)).op(`${shape}.pmax`);
        return;
      }
    }
    const dearX = this.e.side(x),
      dear = dearX ?? this.e.side(y);
    if (dear && this.loop.varying(dearX ? x : y)) {
      this.branch(e, p, dear.shared, dearX !== undefined);
      return;
    }
    f.push(this.operand(x, p))
      .push(this.operand(y, p))
      .push(this.maskOperand(cond, widthOf(e.dtype), p))
      .op(this.choose(widthOf(e.dtype)));
  }
  /** A select by a mask of whole lanes; relaxed SIMD has it as one instruction, with the same result. */
  private choose(width: Width): "i32x4.relaxed_laneselect" | "i64x2.relaxed_laneselect" | "v128.bitselect" {
    return !this.e.fma ? "v128.bitselect" : width === 64 ? "i64x2.relaxed_laneselect" : "i32x4.relaxed_laneselect";
  }
  /** A select with one dear side, which is computed only if some lane wants it. */
  private branch({ cond, x, y, dtype }: Extract<Expr, { kind: "select" }>, p: number, shared: readonly Expr[], first: boolean): void {
    const { f } = this.e,
      width = widthOf(dtype),
      mask = this.mask(cond, width, p),
      other = this.local(first ? y : x, p);
    for (const s of shared) this.early(s, width, p);
    f.get(mask);
    if (first) f.op("v128.any_true");
    else f.op(width === 64 ? "i64x2.all_true" : "i32x4.all_true").op("i32.eqz");
    f.if_(
      () =>
        this.e.scope(() =>
          this.scope(() => {
            const side = this.local(first ? x : y, p);
            if (first) f.get(side).get(other);
            else f.get(other).get(side);
            f.get(mask).op(this.choose(width));
          }),
        ),
      () => f.get(other),
      "v128",
    );
  }
  /** What a branch reads, in locals made before it: part `p` counted in lanes of `width`. */
  private early(x: Expr, width: Width, p: number): void {
    if (!this.loop.varying(x)) return;
    const own = x.dtype === "bool" ? (maskWidth(x) ?? width) : widthOf(x.dtype),
      each = own === width ? [p] : own === 64 ? [2 * p, 2 * p + 1] : [p >> 1];
    for (const q of each) {
      if (x.dtype === "bool") this.mask(x, own, q);
      else this.local(x, q);
    }
  }
  /** Push part `p` of a bool that varies. */
  private computeMask(e: Expr, width: Width, p: number): void {
    const { context: c } = this,
      { f } = c,
      own = maskWidth(e);
    if (own !== undefined && own !== width) {
      resizeMask(this, e, own, p);
      return;
    }
    switch (e.kind) {
      case "compare":
        if (e.x.dtype === "bool") vec.compareMasks(c, e.op, this.maskOperand(e.x, width, p), this.maskOperand(e.y, width, p));
        else vec.compare(c, e.op, e.x.dtype, this.operand(e.x, p), this.operand(e.y, p));
        return;
      case "unary":
        if (e.op === "isNan") vec.unary(c, e.op, e.x.dtype, this.operand(e.x, p));
        else vec.unary(c, e.op, e.dtype, this.maskOperand(e.x, width, p));
        return;
      case "binary":
        vec.binary(c, e.op, "bool", this.maskOperand(e.x, width, p), this.maskOperand(e.y, width, p));
        return;
      case "select":
        f.push(this.maskOperand(e.x, width, p))
          .push(this.maskOperand(e.y, width, p))
          .push(this.maskOperand(e.cond, width, p))
          .op("v128.bitselect");
        return;
      case "convert":
      case "bitcast":
        if (e.x.dtype === "bool") {
          f.push(this.maskOperand(e.x, width, p));
          return;
        }
        f.push(this.operand(e.x, p));
        if (widthOf(e.x.dtype) === 64) f.f64x2(0).op("f64x2.ne");
        else if (register(e.x.dtype) === "f32") f.f32x4(0).op("f32x4.ne");
        else f.i32x4(0).op("i32x4.ne");
        return;
      case "load":
        this.memory.load(e, p);
        f.op("i32x4.neg");
        return; // 0 and 1 become 0 and all ones
      case "const":
      case "var":
      case "fma":
        throw new InternalError(`a bool ${e.kind} has no lanes`);
      default:
        unreachable(e);
    }
  }
}

function isShift(e: Extract<Expr, { kind: "binary" }>): e is Extract<Expr, { kind: "binary" }> & { readonly op: "shl" | "shr" | "sar" } {
  return e.op === "shl" || e.op === "shr" || e.op === "sar";
}
