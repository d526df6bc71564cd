// Whether an operand of attention is a tensor that bulk copies bring as it lies: rows of heads, a line of 128 bytes of each at a time.
import { byteSize } from "../../../../runtime/dtype.ts";
import { rewriting, mapOperands } from "../../../ir/exprs.ts";
import type { AttentionKernel } from "../../../ir/kernel.ts";
import { exprVar, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { TensorBox } from "../../../ir/tiled.ts";
import { coefficient } from "../../indexing.ts";
import { arith, int } from "../builder.ts";
import { atZero } from "./boxes.ts";
import { operandsOf } from "./heads_cut.ts";

/** An operand as a tensor: elements of a head, rows, then whatever tells heads apart. */
export interface HeadTensor {
  readonly tensor: Omit<TensorBox, "box">;
  /** The coordinates of a head beyond its elements and rows. */
  readonly of: (head: Expr) => readonly Expr[];
}
/** The operands of a pass. */
export interface HeadTensors {
  readonly q: HeadTensor;
  readonly key: HeadTensor;
  readonly value: HeadTensor;
  /** Of a pass of the gradient: the cotangent of the result. */
  readonly ct?: HeadTensor;
}
/** All operands as tensors, if they are. */
export function headTensors(k: AttentionKernel, aligned: (param: number) => number): HeadTensors | undefined {
  const [q, key, value, ct] = operandsOf(k).map(([x, row]) => headTensor(k, x, row, row === k.vars.i ? k.t : k.s, aligned));
  if (!q || !key || !value || (k.saved && !ct)) return undefined;
  return { q, key, value, ...(ct && { ct }) };
}
/** The tensor that an operand over rows `row`, `limit` of them, is, if it is one: 16-bit floats at strides of 16 bytes. Heads are evenly apart, or batches of heads are. */
function headTensor(
  k: AttentionKernel,
  value: Expr,
  row: ExprVar,
  limit: number,
  aligned: (param: number) => number,
): HeadTensor | undefined {
  const { vars, d, operands, params, n } = k,
    whole = 16 / byteSize(operands);
  if (value.kind !== "load" || value.guard || params[value.buf]?.dtype !== operands || aligned(value.buf) % 16 !== 0) return undefined;
  const direct = coefficient(value.index, vars.n),
    each = direct === undefined ? headsIn(value.index, vars.n) : 1;
  if (each === undefined) return undefined;
  const batch = exprVar("batch", "i32"),
    head = exprVar("head", "i32"),
    index = direct === undefined ? apart(value.index, vars.n, batch, head) : value.index,
    outer =
      direct === undefined
        ? [
            { v: head, size: each, at: (x: Expr) => arith("rem", x, int(each)) },
            { v: batch, size: n / each, at: (x: Expr) => arith("div", x, int(each)) },
          ]
        : [{ v: vars.n, size: n, at: (x: Expr) => x }];
  const strides = [row, ...outer.map(o => o.v)].map(v => coefficient(index, v)),
    offset = atZero(index);
  if (coefficient(index, vars.e) !== 1 || offset === undefined || offset % whole !== 0) return undefined;
  const dims = [
    { size: limit, stride: strides[0], at: undefined },
    ...outer.map((o, i) => ({ size: o.size, stride: strides[i + 1], at: o.at })),
  ].filter(
    (x, i) => i === 0 || (x.size > 1 && x.stride !== 0), // what does not change places has no coordinate
  );
  const known = dims.flatMap(x => (x.stride !== undefined && x.stride > 0 && x.stride % whole === 0 ? [x.stride] : []));
  if (known.length < dims.length) return undefined;
  return {
    tensor: { param: value.buf, offset, dims: [d, ...dims.map(x => x.size)], strides: known },
    of: x => dims.flatMap(({ at }) => (at ? [at(x)] : [])),
  };
}
/** The number that `n` is divided by in an index, if there is one number. */
function headsIn(index: Expr, n: ExprVar): number | undefined {
  const found = new Set<number>();
  const walk = rewriting((e, go) => {
    if (e.kind === "binary" && (e.op === "div" || e.op === "rem") && e.x.kind === "var" && e.x.id === n.id && e.y.kind === "const")
      found.add(e.y.value);
    return mapOperands(e, go);
  });
  walk(index);
  return found.size === 1 ? [...found][0] : undefined;
}
/** The index with n div heads and n rem heads as variables. */
const apart = (index: Expr, n: ExprVar, batch: ExprVar, head: ExprVar): Expr =>
  rewriting((e, go) =>
    e.kind === "binary" && e.x.kind === "var" && e.x.id === n.id && (e.op === "div" || e.op === "rem")
      ? e.op === "div"
        ? batch
        : head
      : mapOperands(e, go),
  )(index);
