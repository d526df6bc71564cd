// Composites that become kernels of their own where a backend has the template: attention and its gradient, over any re-indexing of their operands.
import { computeDType, type DType } from "../../runtime/dtype.ts";
import { InternalError } from "../../runtime/errors/error.ts";
import type { Precision } from "../../runtime/precision.ts";
import type { Aval } from "../ir/aval.ts";
import { BLOCK } from "../ir/fragment.ts";
import type { Eqn } from "../ir/func.ts";
import type { AttentionKernel, Place } from "../ir/kernel.ts";
import type { Expr, ExprVar } from "../ir/scalar.ts";
import type { SlotRef } from "../ir/schedule.ts";
import type { AttentionParams } from "../primitives/attention.ts";
import { coefficient, ravel } from "./indexing.ts";
import { elementKernel, type Launch } from "./loops.ts";
import type { Target } from "./reduce.ts";
import { KernelScope, type Places } from "./scope.ts";

/** What a backend's attention kernels take: dtypes of the operands, sizes of a head (up to `largest`), the fewest queries, and pairs of
 *  a query and a key (at least 1), that are worth it, and the passes that the gradient is made of. `strided`: must the elements of a head of
 *  this dtype and size lie side by side in memory, rows evenly apart, at the precision that is asked for? Other operands are then copied first; else any expression is an operand. */
export interface Templates {
  readonly dtypes: readonly DType[];
  readonly largest: number;
  readonly queries: number;
  readonly pairs: number;
  readonly backward: "one" | "two";
  readonly strided: (dtype: DType, size: number, precision: Precision | undefined) => boolean;
}
/** Heads that matrix units multiply where there are some: whole blocks, of 16-bit floats or f32 in tf32 terms; but not where weights are wanted as exact as f32 arithmetic makes them. */
export const onMatrixUnits = (dtype: DType, size: number, precision: Precision): boolean =>
  precision !== "highest" &&
  (dtype === "f16" || dtype === "bf16" || dtype === "f32") &&
  size % BLOCK === 0 &&
  size > 0 &&
  size <= 8 * BLOCK;
/** Those of a GPU whose threads can shuffle in groups of `subgroup`: some of them share a row and keep it in registers, in f32. With matrix units these take what is for them. */
export const gpuTemplates = ({
  subgroup,
  matrix,
}: {
  readonly subgroup: number;
  readonly matrix?: { readonly precision: Precision };
}): Templates => ({
  dtypes: ["f32", "f16", "bf16"],
  largest: Math.min(256, 64 * subgroup),
  queries: 1,
  pairs: 1,
  backward: "two",
  strided: (dtype, size, precision) => matrix !== undefined && onMatrixUnits(dtype, size, precision ?? matrix.precision),
});
/** Those of WebAssembly: products by the micro-kernel, scores of some rows at a time in the cache. Measured (heads of 32): below 64 x 64 pairs the inlined products are as fast,
 *  from 128 x 128 on they take 1.8 times as long, and their memory grows with the pairs. */
export const wasmTemplates: Templates = {
  dtypes: ["f32", "f64"],
  largest: 256,
  queries: 32,
  pairs: 4096,
  backward: "one",
  strided: () => true,
};
/** A template kernel, or the copy of an operand of one, with the memory it is launched on. */
export type TemplateLaunch = Launch | { readonly kernel: AttentionKernel; readonly args: readonly SlotRef[] };
/** Where the launches of one equation find and put values; `fresh` makes temporary memory. */
export interface TemplatePlaces {
  readonly places: Places;
  readonly into: readonly Target[];
  readonly fresh: (a: Aval) => SlotRef;
}
/** Makes the launches of one equation. */
export type MakeTemplate = (name: string, at: TemplatePlaces) => readonly TemplateLaunch[];
/** Makes those of one of its passes. `copied`: operands that an earlier pass has copied, by their number; this one adds its own. */
type MakePass = (name: string, at: TemplatePlaces, copied?: Map<number, SlotRef>) => readonly TemplateLaunch[];

/** The template of a composite equation; undefined when it has none or the backend's does not fit. */
export function templateOf(e: Eqn, templates: Templates | undefined): MakeTemplate | undefined {
  const { lower } = e.prim,
    [q, k] = e.ins;
  if (!templates || lower.kind !== "composite" || !q || !k || (lower.template !== "attention" && lower.template !== "attentionGrad"))
    return undefined;
  const [b = 0, t = 0, h = 0, d = 0] = q.aval.shape,
    [, s = 0] = k.aval.shape;
  if (
    !templates.dtypes.includes(q.aval.dtype) ||
    b * h * d === 0 ||
    d > templates.largest ||
    t < templates.queries ||
    t * s < templates.pairs
  )
    return undefined;
  const make = (pass: AttentionKernel["pass"]): MakePass =>
    launches(e, { b, t, h, s, d }, pass, templates.strided(q.aval.dtype, d, (e.params as AttentionParams).precision)); // the parameters of both templates
  if (lower.template === "attention") return make("forward");
  if (templates.backward === "one") return make("backward");
  const query = make("query"),
    keys = make("keys");
  return (name, at) => {
    const copied = new Map<number, SlotRef>();
    return [
      ...query(`${name}_query`, { ...at, into: at.into.slice(0, 1) }, copied),
      ...keys(`${name}_keys`, { ...at, into: at.into.slice(1) }, copied),
    ];
  };
}

interface Sizes {
  readonly b: number;
  readonly t: number;
  readonly h: number;
  readonly s: number;
  readonly d: number;
}
/** The kernel of one pass, after the copies of operands that it cannot read where they lie. */
const launches =
  (e: Eqn, size: Sizes, pass: AttentionKernel["pass"], strided: boolean): MakePass =>
  (name, at, copied = new Map()) => {
    const copies: Launch[] = [];
    const first = kernelOf(e, size, pass, name, at, copied),
      { kernel: k } = first;
    if (!strided) return [first];
    const operands = [k.q, k.k, k.v, ...(k.saved ? [k.saved.ct] : [])];
    operands.forEach((x, i) => {
      const operand = e.ins[i],
        row = i === 1 || i === 2 ? k.vars.j : k.vars.i;
      if (!operand || rowStride(k, x, row) !== undefined) return;
      const ref = at.fresh(operand.aval);
      copied.set(i, ref);
      copies.push(
        elementKernel(`${name}_operand${i}`, at.places, operand.aval.shape, 2, (c, index) => [
          { ref, aval: operand.aval, value: c.ops.convert(c.read(operand, index), operand.aval.dtype) },
        ]),
      );
    });
    return copies.length === 0 ? [first] : [...copies, kernelOf(e, size, pass, name, at, copied)];
  };
/** Elements from one row of an operand to the next, when a head's elements lie side by side in memory; undefined when they do not. */
export function rowStride({ vars, d, operands, params }: AttentionKernel, x: Expr, row: ExprVar): number | undefined {
  if (x.kind !== "load" || x.guard || params[x.buf]?.dtype !== operands || (d > 1 && coefficient(x.index, vars.e) !== 1)) return undefined;
  const stride = coefficient(x.index, row);
  return stride !== undefined && stride >= 0 ? stride : undefined;
}

function kernelOf(
  e: Eqn,
  { b, t, h, s, d }: Sizes,
  pass: AttentionKernel["pass"],
  name: string,
  { places, into }: TemplatePlaces,
  copied: ReadonlyMap<number, SlotRef>,
): Extract<TemplateLaunch, { kernel: AttentionKernel }> {
  const { scale, causal, precision } = e.params as AttentionParams; // the parameters of both templates
  const c = new KernelScope(places),
    { ops } = c,
    vars = { n: c.loop("n", b * h), i: c.loop("i", t), j: c.loop("j", s), e: c.loop("e", d) };
  const heads = ops.const(Math.max(1, h), "i32"),
    batch = ops.binary("div", vars.n, heads),
    head = ops.binary("rem", vars.n, heads);
  const ofHead = (row: ExprVar): readonly Expr[] => [batch, row, head, vars.e],
    ofRow = [batch, head, vars.i];
  const read = (at: number, index: readonly Expr[]): Expr => {
    const a = e.ins[at];
    if (!a) throw new InternalError(`${name} has no operand ${at}`);
    const copy = copied.get(at);
    return copy ? ops.load(c.buffer(copy, a.aval, "read"), computeDType(a.aval.dtype), ravel(ops, index, a.aval.shape)) : c.read(a, index);
  };
  const place = ({ ref, aval }: Target, index: readonly Expr[]): Place => ({
    buf: c.buffer(ref, aval, "write"),
    index: ravel(ops, index, aval.shape),
  });
  const q = read(0, ofHead(vars.i)),
    k = read(1, ofHead(vars.j)),
    v = read(2, ofHead(vars.j)),
    saved = pass === "forward" ? {} : { saved: { ct: read(3, ofHead(vars.i)), lse: read(4, ofRow), delta: read(5, ofRow) } };
  const rows: Record<AttentionKernel["pass"], readonly (readonly Expr[])[]> = {
    forward: [ofHead(vars.i), ofRow],
    query: [ofHead(vars.i)],
    keys: [ofHead(vars.j), ofHead(vars.j)],
    backward: [ofHead(vars.i), ofHead(vars.j), ofHead(vars.j)],
  };
  const outs = rows[pass].map((index, x) => {
    const target = into[x];
    if (!target) throw new InternalError(`${name} has no place for result ${x}`);
    return place(target, index);
  });
  const kernel: AttentionKernel = {
    kind: "attention",
    pass,
    name,
    params: c.params,
    n: b * h,
    t,
    s,
    d,
    scale,
    causal,
    dtype: computeDType(e.ins[0]?.aval.dtype ?? "f32"),
    operands: e.ins[0]?.aval.dtype ?? "f32",
    ...(precision && { precision }),
    vars,
    q,
    k,
    v,
    ...saved,
    outs,
  };
  return { kernel, args: c.args };
}
