// Loads and stores of a vectorised loop. An address that is affine in the loop variable is a pointer that moves along: whole vectors where it moves by one
// element an item, lanes at fixed distances otherwise; any other address is gathered lane by lane.
import { bytesExpected } from "../float8.ts";
import { byteSize, type DType } from "../../../runtime/dtype.ts";
import type { Expr } from "../../ir/scalar.ts";
import { coefficient } from "../../lower/indexing.ts";
import type { Local } from "./encoder/function.ts";
import type { LaneEmitter } from "./lanes.ts";
import { loadScalar, register, storeScalar } from "./types.ts";
import * as vec from "./vector.ts";
import { lanesOf, widthOf } from "./vector.ts";

type Load = Extract<Expr, { kind: "load" }>;
/** What a vectorised loop stores. */
export interface LaneStore {
  readonly buf: number;
  readonly index: Expr;
  readonly value: Expr;
  readonly guard?: Expr;
}
/** The address of a turn's first item, and how far the next item is, in bytes. */
interface Pointer {
  readonly at: Local;
  readonly step: number;
}
/** Elements that are not in a line. */
interface Scattered {
  readonly index: Expr;
}

/** The value whose lanes are stored: storing rounds to a 16-bit float anyway, so a rounding before it is dropped. */
export const storedValue = ({ value }: LaneStore): Expr =>
  value.kind === "convert" && (value.dtype === "f16" || value.dtype === "bf16") && value.x.dtype === "f32" ? value.x : value;
/** Memory accesses of one vectorised loop. */
export class LaneMemory {
  private readonly lanes: LaneEmitter;
  private readonly pointers = new Map<Expr, Map<number, Pointer>>();
  constructor(lanes: LaneEmitter) {
    this.lanes = lanes;
  }

  /** Before the loop. */
  hoist(e: Load): void {
    this.hoistAddress(e.buf, e.index);
    if (e.guard) this.lanes.hoist(e.guard);
    if (e.otherwise) this.lanes.hoist(e.otherwise);
  }
  /** Before the loop. */
  hoistStore(s: LaneStore): void {
    this.hoistAddress(s.buf, s.index);
    this.lanes.hoist(storedValue(s));
    if (s.guard) this.lanes.hoist(s.guard);
  }
  /** Can this load be made before all else of a turn: without a condition, and from addresses known so far? */
  isEarly(e: Load): boolean {
    return !e.guard && this.pointers.get(e.index)?.has(e.buf) === true;
  }
  /** Where everything is at the loop variable's present value. Once before a loop's first turn, after all has been hoisted. */
  point(): void {
    const { e } = this.lanes;
    for (const [index, m] of this.pointers)
      for (const [buf, { at }] of m) {
        e.scope(() => e.address(buf, index));
        e.f.set(at);
      }
  }
  /** At the end of a turn. */
  advance(): void {
    for (const m of this.pointers.values())
      for (const { at, step } of m.values()) if (step !== 0) this.lanes.e.f.advance(at, step * this.lanes.loop.elements);
  }

  /** Push part `p` of a load. */
  load(e: Load, p: number): void {
    const { e: scalars } = this.lanes,
      { f } = scalars,
      width = widthOf(e.dtype),
      to = this.place(e.buf, e.index),
      dtype = scalars.buffer(e.buf).dtype;
    const plain = (): void => this.loadLanes(to, e.buf, dtype, p);
    if (!e.guard) {
      plain();
      return;
    }
    const fallback = e.otherwise && this.outer(e.otherwise, p),
      other = (): void => {
        if (fallback) f.get(fallback);
        else f.i32x4(0);
      };
    if ("index" in to) this.lanes.local(to.index, width === 64 ? p >> 1 : p); // outside of the branches
    if (!this.lanes.loop.varying(e.guard)) {
      f.get(scalars.scalar(e.guard)).if_(plain, other, "v128");
      return;
    }
    const mask = this.lanes.mask(e.guard, width, p),
      lane = f.local(register(dtype)),
      some = (): void => {
        const out = f.local("v128"),
          shape = vec.shapeOf(dtype);
        other();
        f.set(out);
        for (let k = 0; k < lanesOf(width); k++) {
          vec.extract(f, "bool", width, mask, k);
          f.if_(() => {
            this.laneAddress(to, e.buf, p, k);
            loadScalar(f, dtype, scalars.routines);
            f.set(lane).get(out).get(lane).lane(`${shape}.replace_lane`, k).set(out);
          });
        }
        f.get(out);
      };
    if ("index" in to) {
      some();
      return;
    }
    f.get(mask)
      .op(width === 64 ? "i64x2.all_true" : "i32x4.all_true")
      .if_(plain, some, "v128");
  }
  /** Store part `p`. */
  store(s: LaneStore, p: number): void {
    const { e: scalars } = this.lanes,
      { f } = scalars,
      { dtype } = scalars.buffer(s.buf),
      width = widthOf(s.value.dtype),
      to = this.place(s.buf, s.index);
    if ("index" in to) this.lanes.local(to.index, width === 64 ? p >> 1 : p); // outside of the branches
    const stored = storedValue(s),
      value = stored.dtype === "bool" ? this.lanes.mask(stored, 32, p) : this.lanes.local(stored, p);
    const each = (mask?: Local): void => {
      for (let k = 0; k < lanesOf(width); k++) {
        const put = (): void => {
          this.laneAddress(to, s.buf, p, k);
          vec.extract(f, s.value.dtype, width, value, k);
          storeScalar(f, dtype, scalars.routines);
        };
        if (mask) {
          vec.extract(f, "bool", width, mask, k);
          f.if_(put);
        } else put();
      }
    };
    const whole = !("index" in to) && to.step === byteSize(dtype) ? () => this.storeVector(to, dtype, s.value.dtype, value, p) : undefined;
    if (!s.guard) {
      if (whole) whole();
      else each();
      return;
    }
    if (!this.lanes.loop.varying(s.guard)) {
      f.get(scalars.scalar(s.guard)).if_(() => {
        if (whole) whole();
        else each();
      });
      return;
    }
    const mask = this.lanes.mask(s.guard, width, p);
    if (whole)
      f.get(mask)
        .op(width === 64 ? "i64x2.all_true" : "i32x4.all_true")
        .if_(whole, () => each(mask));
    else each(mask);
  }

  private hoistAddress(buf: number, index: Expr): void {
    const { e: scalars, loop } = this.lanes,
      step = coefficient(index, loop.v),
      { dtype } = scalars.buffer(buf);
    this.lanes.hoistHalf(dtype);
    if (step === undefined || loop.uneven(index)) {
      this.lanes.hoist(index);
      return;
    }
    const m = this.pointers.get(index) ?? new Map<number, Pointer>();
    this.pointers.set(index, m);
    if (!m.has(buf)) m.set(buf, { at: scalars.f.local("i32"), step: step * byteSize(dtype) });
  }
  private place(buf: number, index: Expr): Pointer | Scattered {
    return this.pointers.get(index)?.get(buf) ?? { index };
  }
  /** A value as a load gives it. */
  private outer(e: Expr, p: number): Local {
    return e.dtype === "bool" ? this.boolAsInt(e, p) : this.lanes.local(e, p);
  }
  /** A bool's lanes as 0 and 1, as a load gives them. */
  private boolAsInt(e: Expr, p: number): Local {
    const { f } = this.lanes.e,
      to = f.local("v128");
    f.get(this.lanes.mask(e, 32, p))
      .i32x4(1)
      .op("v128.and")
      .set(to);
    return to;
  }
  /** Push the byte address of lane `k` of part `p`. */
  private laneAddress(to: Pointer | Scattered, buf: number, p: number, k: number): void {
    const { e: scalars } = this.lanes,
      { f } = scalars,
      { base, dtype } = scalars.buffer(buf),
      lanes = lanesOf(widthOf(dtype)),
      item = p * lanes + k;
    if ("index" in to)
      f.get(this.lanes.local(to.index, item >> 2))
        .lane("i32x4.extract_lane", item % 4)
        .times(byteSize(dtype))
        .get(base)
        .op("i32.add");
    else f.get(to.at).plus(item * to.step);
  }

  /** Push lanes of part `p`, all of them there. */
  private loadLanes(to: Pointer | Scattered, buf: number, dtype: DType, p: number): void {
    const { e: scalars } = this.lanes,
      { f } = scalars,
      bytes = byteSize(dtype),
      lanes = lanesOf(widthOf(dtype)),
      size = bytes * lanes;
    if (!("index" in to) && to.step === bytes) {
      f.get(to.at);
      this.loadVector(dtype, p * size);
      return;
    }
    if (!("index" in to) && to.step === -bytes && bytes >= 4) {
      f.get(to.at)
        .plus(-(p + 1) * size + bytes)
        .mem("v128.load");
      const x = f.local("v128");
      f.tee(x)
        .get(x)
        .shuffle(
          bytes === 4 ? [12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3] : [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7],
        );
      return;
    }
    if (!("index" in to) && to.step === 0) {
      this.laneAddress(to, buf, p, 0);
      loadScalar(f, dtype, scalars.routines);
      f.op(`${vec.shapeOf(dtype)}.splat`);
      return;
    }
    if (bytes < 4) {
      vec.build(f, dtype === "bool" ? "u8" : dtype, k => {
        this.laneAddress(to, buf, p, k);
        loadScalar(f, dtype, scalars.routines);
      });
      return;
    }
    const x = f.local("v128");
    this.laneAddress(to, buf, p, 0);
    f.mem(bytes === 4 ? "v128.load32_zero" : "v128.load64_zero").set(x);
    for (let k = 1; k < lanes; k++) {
      this.laneAddress(to, buf, p, k);
      f.get(x)
        .memLane(bytes === 4 ? "v128.load32_lane" : "v128.load64_lane", k)
        .set(x);
    }
    f.get(x);
  }
  /** Consecutive elements at the address on the stack, widened to lanes. */
  private loadVector(dtype: DType, offset: number): void {
    const { f } = this.lanes.e;
    switch (dtype) {
      case "f32":
      case "i32":
      case "u32":
      case "f64":
        f.mem("v128.load", offset);
        break;
      case "f16":
      case "bf16":
        f.mem("v128.load16x4_u", offset);
        vec.halfValue(this.lanes.context, dtype);
        break;
      case "i8":
        f.mem("v128.load32_zero", offset).op("i16x8.extend_low_i8x16_s").op("i32x4.extend_low_i16x8_s");
        break;
      case "u8":
      case "bool":
        f.mem("v128.load32_zero", offset).op("i16x8.extend_low_i8x16_u").op("i32x4.extend_low_i16x8_u");
        break;
      case "f8e4m3":
      case "f8e5m2":
        return bytesExpected(dtype);
      default:
        dtype satisfies never;
    }
  }
  private storeVector(to: Pointer, dtype: DType, from: DType, value: Local, p: number): void {
    const { f } = this.lanes.e,
      offset = p * byteSize(dtype) * lanesOf(widthOf(dtype));
    f.get(to.at).get(value);
    switch (dtype) {
      case "f32":
      case "i32":
      case "u32":
      case "f64":
        f.mem("v128.store", offset);
        break;
      case "f16":
      case "bf16":
        vec.halfBits(this.lanes.context, dtype);
        f.i32x4(0).op("i16x8.narrow_i32x4_u").memLane("v128.store64_lane", 0, offset);
        break;
      case "i8":
      case "u8":
      case "bool":
        if (dtype === "bool" && from === "bool") f.i32x4(1).op("v128.and");
        else f.i32x4(255).op("v128.and");
        f.i32x4(0).op("i16x8.narrow_i32x4_u").i32x4(0).op("i8x16.narrow_i16x8_u").memLane("v128.store32_lane", 0, offset);
        break;
      case "f8e4m3":
      case "f8e5m2":
        return bytesExpected(dtype);
      default:
        dtype satisfies never;
    }
  }
}
