// Results of bulk products on their way out: a subgroup lays panels of them in shared memory, of 16 rows by a line of 128 bytes, and one of its threads sends each as a box of a tensor while all make the next.
import { byteSize, type DType } from "../../../../runtime/dtype.ts";
import { replaceVars } from "../../../ir/exprs.ts";
import { alongExpr, BLOCK, SUMS, type Spot } from "../../../ir/fragment.ts";
import type { GemmKernel } from "../../../ir/kernel.ts";
import { exprVar, scalarOps as s, type Expr } from "../../../ir/scalar.ts";
import type { TensorBox, TiledStmt } from "../../../ir/tiled.ts";
import { coefficient } from "../../indexing.ts";
import { arith, int, scoped, when, type TileBuilder } from "../builder.ts";
import { storesTogether } from "../product/neighbours.ts";
import { atZero } from "./boxes.ts";
import type { Held } from "./results.ts";

/** Bytes of a panel: its rows are lines. */
const LINE_BYTES = 128,
  PANEL_BYTES = BLOCK * LINE_BYTES;
/** Panels of a subgroup: one is made while another is on its way. */
const MOST = 2;
/** The only result of a product as a tensor: columns, rows, batches. `columns`: of a panel; `pairs`: what is stored of two neighbours. */
interface Tensor extends Omit<TensorBox, "box"> {
  readonly dtype: DType;
  readonly columns: number;
  readonly pairs: NonNullable<ReturnType<typeof storesTogether>>;
}
/** The tensor that what follows a product stores, if that is one result: floats at strides of 16 bytes, neighbours side by side. */
function resultOf(g: GemmKernel, after: readonly TiledStmt[], aligned: (param: number) => number): Tensor | undefined {
  const [only, ...others] = after.flatMap(x => (x.kind === "store" ? [x] : [])),
    pairs = storesTogether(after, { v: g.vars.j, extent: g.n, params: g.params, aligned }, 2),
    dtype = only && g.params[only.buf]?.dtype;
  if (!only || !pairs || others.length > 0 || (dtype !== "bf16" && dtype !== "f16" && dtype !== "f32")) return undefined;
  const known = new Map<number, Expr>();
  for (const x of after) if (x.kind === "let") known.set(x.v.id, replaceVars(x.value, known));
  const index = replaceVars(only.index, known),
    whole = 16 / byteSize(dtype),
    strides = [g.vars.i, ...(g.batch === 1 ? [] : [g.vars.b])].flatMap(v => coefficient(index, v) ?? []),
    dims = [g.n, g.m, ...(g.batch === 1 ? [] : [g.batch])],
    offset = atZero(index);
  if (offset === undefined || strides.length + 1 < dims.length || aligned(only.buf) % 16 !== 0) return undefined;
  if ([offset, ...strides].some(n => n % whole !== 0) || strides.some(n => n <= 0)) return undefined;
  return { param: only.buf, offset, dims, strides, dtype, columns: LINE_BYTES / byteSize(dtype), pairs };
}

/** How results of a kernel leave. */
export interface Stores {
  readonly box: TensorBox;
  /** What follows the product on the sums of a rectangle of 16 rows of a subgroup, stored: `subgroup` is its number among those that multiply, `within` the thread's in it. */
  readonly store: (h: Held, subgroup: Expr, within: Expr) => TiledStmt[];
  /** Before a thread ends. */
  readonly finish: (within: Expr) => TiledStmt;
}
/** By boxes, number `box` of the kernel's, where there is one result and it is a tensor, and `bytes` of shared memory are room for the panels of `subgroups`; undefined where not. `width`: columns of a tile. */
export function storesInBulk(
  b: TileBuilder,
  g: GemmKernel,
  after: readonly TiledStmt[],
  aligned: (param: number) => number,
  { box, subgroups, width, bytes }: { readonly box: number; readonly subgroups: number; readonly width: number; readonly bytes: number },
): Stores | undefined {
  const tensor = resultOf(g, after, aligned),
    panels = tensor ? width / tensor.columns : 0,
    some = Math.min(MOST, panels);
  if (!tensor || subgroups * some * PANEL_BYTES > bytes) return undefined;
  const { dtype, columns, pairs, ...place } = tensor,
    size = BLOCK * columns,
    buf = b.memory("shared", dtype, subgroups * some * size, { swizzle: { bits: 3, base: 4, shift: 7 } });
  const alone = (within: Expr, body: readonly TiledStmt[]): TiledStmt => when(s.compare("eq", within, int(0)), body);
  const store = (h: Held, subgroup: Expr, within: Expr): TiledStmt[] => {
    const row = exprVar("row", "i32"),
      col = exprVar("col", "i32");
    const panel = (p: number): TiledStmt[] => {
      const start = exprVar("start", "i32"),
        blocks = columns / BLOCK;
      const two = (c: number, e: number): TiledStmt => {
        const spot = SUMS[e] as Spot, // e is in range
          down = alongExpr(spot.row, h.quad, h.place),
          right = arith("add", alongExpr(spot.col, h.quad, h.place), int(c * BLOCK)),
          sums = h.sums[p * blocks + c] ?? [],
          i = arith("add", row, down),
          j = arith("add", col, arith("add", right, int(p * columns))),
          // past the edge whatever is there is read again, and not stored
          here = h.g.m % h.cut.m === 0 ? i : arith("min", i, int(g.m - 1)),
          first = h.g.n % h.cut.n === 0 ? j : arith("min", j, int(g.n - 2));
        const bound = (q: 0 | 1): TiledStmt[] => [
          { kind: "let", v: g.vars.b, value: h.batch },
          { kind: "let", v: g.vars.i, value: here },
          { kind: "let", v: g.vars.j, value: arith("add", first, int(q)) },
          { kind: "let", v: g.vars.acc, value: sums[e + q] as Expr }, // a variable a sum
        ];
        const at = arith("add", start, arith("add", arith("mul", down, int(columns)), right));
        return scoped(pairs([bound(0), bound(1)]).map(x => (x.kind === "storeVector" ? { ...x, buf, index: at } : x)));
      };
      return [
        alone(within, [{ kind: "waitStores", pending: some - 1 }]),
        { kind: "meet" },
        { kind: "let", v: start, value: arith("mul", arith("add", arith("mul", subgroup, int(some)), int(p % some)), int(size)) },
        ...Array.from({ length: blocks }, (_, c) => [0, 2, 4, 6].map(e => two(c, e))).flat(),
        { kind: "fenceStores" },
        { kind: "meet" },
        alone(within, [
          { kind: "storeBox", box, at: [arith("add", col, int(p * columns)), row, ...(g.batch === 1 ? [] : [h.batch])], buf, from: start },
          { kind: "commitStores" },
        ]),
      ];
    };
    return [
      { kind: "let", v: row, value: h.row },
      { kind: "let", v: col, value: h.col },
      ...Array.from({ length: panels }, (_, p) => panel(p)).flat(),
    ];
  };
  return {
    box: { ...place, box: [columns, BLOCK, ...(g.batch === 1 ? [] : [1])] },
    store,
    finish: within => alone(within, [{ kind: "waitStores", pending: 0 }]),
  };
}
