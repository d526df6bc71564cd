// One kernel being written: its buffers, and any value of the program as an expression of an index. Values that have no memory of their own are
// evaluated where they are read: that is fusion.
import { computeDType, type DType } from "../../runtime/dtype.ts";
import { InternalError, unreachable } from "../../runtime/errors/error.ts";
import { sizeOf, type Aval } from "../ir/aval.ts";
import type { Atom, Eqn, Var } from "../ir/func.ts";
import { priceOf } from "../ir/price.ts";
import { exprVar, type Expr, type ExprVar } from "../ir/scalar.ts";
import type { KernelParam } from "../ir/kernel.ts";
import type { SlotRef } from "../ir/schedule.ts";
import { IndexOps, ravel } from "./indexing.ts";

/** Where a variable's value is: in memory, row-major, or nowhere yet (computed by `eqn` wherever it is read). `writer` is the position of the item that
 *  writes the memory (-1: it is there from the start); `inline` is how to compute the value without it. */
export type Place = { readonly kind: "buffer"; readonly ref: SlotRef; readonly writer: number; readonly inline?: Inline } | Inline;
/** A value without memory: output `out` of `eqn`. */
export interface Inline {
  readonly kind: "inline";
  readonly eqn: Eqn;
  readonly out: number;
}
/** Looks variables up. */
export interface Places {
  get(v: Var): Place | undefined;
}
/** Places as the item at `position` finds them: what is only written there or later is computed where it is read. */
export const placesAt = (all: Places, position: number): Places => ({
  get: v => {
    const p = all.get(v);
    return p?.kind === "buffer" && p.writer >= position && p.inline ? p.inline : p;
  },
});
/** Values that the kernel itself has already computed: element `linear` of the memory `ref`, or undefined when that is not the kernel's own. */
export type Own = (ref: SlotRef, dtype: DType, linear: Expr, guard?: Expr, otherwise?: Expr) => Expr | undefined;

/** A kernel under construction. */
export class KernelScope {
  readonly ops: IndexOps = new IndexOps();
  readonly params: KernelParam[] = [];
  readonly args: SlotRef[] = [];
  private readonly places: Places;
  private readonly known = new Map<string, number>();
  private readonly values = new Map<Eqn, Map<string, readonly Expr[]>>();
  private readonly keys = new Map<Expr, number>();
  private readonly own: Own | undefined;
  /** What `Own` knows grows with time: values are remembered by time. */
  time = 0;
  constructor(places: Places, own?: Own) {
    this.places = places;
    this.own = own;
  }

  /** A loop variable in [0, extent). */
  loop(name: string, extent: number): ExprVar {
    return this.ops.declare(exprVar(name, "i32"), extent);
  }
  /** The number of the buffer `ref` in this kernel. */
  buffer(ref: SlotRef, a: Aval, access: KernelParam["access"]): number {
    const key = `${ref.slot}+${ref.base}${ref.terms.map(t => `,${t.counter}*${t.stride}`).join("")}:${a.dtype}`;
    const at = this.known.get(key);
    if (at !== undefined) {
      const p = this.params[at];
      if (p && p.access !== access) this.params[at] = { ...p, access: "update", elements: Math.max(p.elements, sizeOf(a.shape)) };
      return at;
    }
    this.known.set(key, this.params.length);
    this.params.push({ dtype: a.dtype, elements: sizeOf(a.shape), access });
    this.args.push(ref);
    return this.params.length - 1;
  }
  /** Element `index` of an operand, in its compute dtype. */
  read(a: Atom, index: readonly Expr[], guard?: Expr, otherwise?: Expr): Expr {
    const { ops } = this,
      dtype = computeDType(a.aval.dtype);
    const guarded = (x: Expr): Expr => (guard ? ops.select(guard, x, otherwise ?? ops.const(0, dtype)) : x);
    if (a.kind === "lit") return guarded(ops.const(a.value, dtype));
    const place = this.places.get(a);
    if (!place) throw new InternalError(`variable v${a.id} has no place`);
    if (place.kind === "buffer") {
      const linear = ravel(ops, index, a.aval.shape);
      return (
        this.own?.(place.ref, a.aval.dtype, linear, guard, otherwise) ??
        ops.load(this.buffer(place.ref, a.aval, "read"), dtype, linear, guard, otherwise)
      );
    }
    if (guard && !this.safe(place.eqn)) return this.guardedInline(place.eqn, place.out, index, guard, otherwise ?? ops.const(0, dtype));
    return guarded(this.compute(place.eqn, index)[place.out] ?? unreachableOutput());
  }
  /** Outputs of `e` at `index`. */
  compute(e: Eqn, index: readonly Expr[], guard?: Expr): readonly Expr[] {
    const key = `${this.time}:${index.map(i => this.key(i)).join(",")}${guard ? `?${this.key(guard)}` : ""}`;
    let memo = this.values.get(e);
    if (!memo) this.values.set(e, (memo = new Map()));
    let v = memo.get(key);
    if (!v) memo.set(key, (v = this.evaluate(e, index, guard)));
    return v;
  }

  private evaluate(e: Eqn, index: readonly Expr[], guard?: Expr): readonly Expr[] {
    const { lower } = e.prim,
      { ops } = this,
      ins = e.ins,
      outs = e.outs.map(v => v.aval);
    switch (lower.kind) {
      case "map": {
        const r = lower.scalar(
          ops,
          ins.map(a => this.read(a, index, guard)),
          e.params,
          outs,
        );
        const all = Array.isArray(r) ? (r as readonly Expr[]) : [r as Expr]; // Array.isArray does not narrow readonly arrays
        return all.map((x, k) => this.toStorage(x, outs[k]?.dtype ?? x.dtype));
      }
      case "view":
        return [this.read(operand(e, 0), lower.source(ops, index, e.params, operand(e, 0).aval), guard)];
      case "index":
        return [
          this.toStorage(
            lower.element(
              ops,
              index,
              (k, ix, g, other) => this.read(operand(e, k), ix, both(ops, guard, g), other),
              e.params,
              ins.map(a => a.aval),
            ),
            outs[0]?.dtype ?? "f32",
          ),
        ];
      case "reduce":
      case "contract":
      case "composite":
      case "control":
      case "collective":
      case "kernel":
      case "erase":
        throw new InternalError(`${e.prim.name} (${lower.kind}) cannot be evaluated in place`);
      default:
        return unreachable(lower);
    }
  }
  /** Rounds to a storage dtype and back, so that fused and separate execution agree bit for bit. */
  toStorage(x: Expr, d: DType): Expr {
    return computeDType(d) === d ? x : this.ops.convert(this.ops.convert(x, d), computeDType(d));
  }
  /** May `e` be evaluated at any index without reading out of bounds? Only when it reads nothing. */
  private safe(e: Eqn): boolean {
    return e.ins.every(
      a =>
        a.kind === "lit" ||
        (this.places.get(a)?.kind === "inline" && this.safe((this.places.get(a) as Extract<Place, { kind: "inline" }>).eqn)),
    );
  } // the kind has just been tested
  private guardedInline(e: Eqn, out: number, index: readonly Expr[], guard: Expr, otherwise: Expr): Expr {
    return this.ops.select(guard, this.compute(e, index, guard)[out] ?? unreachableOutput(), otherwise);
  }
  private key(e: Expr): number {
    let k = this.keys.get(e);
    if (k === undefined) this.keys.set(e, (k = this.keys.size));
    return k;
  }
}
/** The value of all elements of `a`, when it is a number that is not in memory. */
export function everywhere(a: Atom, places: Places): number | undefined {
  if (a.kind === "lit") return a.value;
  const p = places.get(a),
    [source] = p?.kind === "inline" && p.eqn.prim.lower.kind === "view" ? p.eqn.ins : [];
  return source && everywhere(source, places);
}
const both = (ops: IndexOps, a: Expr | undefined, b: Expr | undefined): Expr | undefined => (a && b ? ops.binary("and", a, b) : (a ?? b));
const unreachableOutput = (): never => {
  throw new InternalError("an equation has fewer outputs than are read");
};
const operand = (e: Eqn, k: number): Atom => e.ins[k] ?? unreachableOutput();

/** A rough price of evaluating one element of `e` in place, its inlined operands included. Memoised in `memo`. */
export function weight(e: Eqn, places: Places, memo: Map<Eqn, number>): number {
  const known = memo.get(e);
  if (known !== undefined) return known;
  const below = e.ins.reduce((sum, a) => {
    const p = a.kind === "var" ? places.get(a) : undefined;
    return sum + (p?.kind === "inline" ? weight(p.eqn, places, memo) : 1);
  }, 0);
  const w = below + priceOf(e);
  memo.set(e, w);
  return w;
}
