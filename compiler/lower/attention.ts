// Composites that become kernels of their own where a backend has the template: attention and its gradient, over any re-indexing of their operands.
import { computeDType, type DType } from "../../runtime/dtype.ts";
import { InternalError } from "../../runtime/errors/error.ts";
import type { Eqn } from "../ir/func.ts";
import type { AttentionKernel, Place } from "../ir/kernel.ts";
import type { Expr, ExprVar } from "../ir/scalar.ts";
import type { SlotRef } from "../ir/schedule.ts";
import type { AttentionParams } from "../primitives/attention.ts";
import { ravel } from "./indexing.ts";
import type { Target } from "./reduce.ts";
import { KernelScope, type Places } from "./scope.ts";

/** What a backend's attention kernels take: dtypes of the operands, sizes of a head (up to `largest`), the fewest pairs of a query and a key (at least 1)
 *  that are worth it, and the passes that the gradient is made of. */
export interface Templates {
  readonly dtypes: readonly DType[];
  readonly largest: number;
  readonly pairs: number;
  readonly backward: "one" | "three";
}
/** Those of GPUs: a thread a row, which it keeps in registers, in f32. */
export const gpuTemplates: Templates = { dtypes: ["f32", "f16", "bf16"], largest: 64, pairs: 1, backward: "three" };
/** A template kernel with the memory it is launched on. */
export interface TemplateLaunch {
  readonly kernel: AttentionKernel;
  readonly args: readonly SlotRef[];
}
/** Makes the launches of one equation, results into `into`. */
export type MakeTemplate = (name: string, places: Places, into: readonly Target[]) => readonly TemplateLaunch[];

/** The template of a composite equation; undefined when it has none or the backend's does not fit. */
export function templateOf(e: Eqn, templates: Templates | undefined): MakeTemplate | undefined {
  const { lower } = e.prim,
    [q, k] = e.ins;
  if (!templates || lower.kind !== "composite" || !q || !k || (lower.template !== "attention" && lower.template !== "attentionGrad"))
    return undefined;
  const [b = 0, t = 0, h = 0, d = 0] = q.aval.shape,
    [, s = 0] = k.aval.shape;
  if (!templates.dtypes.includes(q.aval.dtype) || b * h * d === 0 || d > templates.largest || t * s < templates.pairs) return undefined;
  const size = { b, t, h, s, d },
    p = e.params as AttentionParams; // the parameters of both templates
  if (lower.template === "attention") return (name, places, into) => [launch(e, p, size, "forward", name, places, into)];
  return templates.backward === "one"
    ? (name, places, into) => [launch(e, p, size, "backward", name, places, into)]
    : (name, places, into) =>
        (["query", "key", "value"] as const).map((pass, x) => launch(e, p, size, pass, `${name}_${pass}`, places, into.slice(x, x + 1)));
}

function launch(
  e: Eqn,
  { scale, causal }: AttentionParams,
  { b, t, h, s, d }: { readonly b: number; readonly t: number; readonly h: number; readonly s: number; readonly d: number },
  pass: AttentionKernel["pass"],
  name: string,
  places: Places,
  into: readonly Target[],
): TemplateLaunch {
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
    return c.read(a, index);
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
    key: [ofHead(vars.j)],
    value: [ofHead(vars.j)],
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
    vars,
    q,
    k,
    v,
    ...saved,
    outs,
  };
  return { kernel, args: c.args };
}
