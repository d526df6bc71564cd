// Operands of bulk products that are computed: the threads of the bringing set load and compute pieces of a strip, some at a time, and store them where products out of shared memory look for them.
import type { GemmKernel } from "../../../ir/kernel.ts";
import type { Expr, ExprVar } from "../../../ir/scalar.ts";
import { exprVar } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { expander } from "../../elementary/expand.ts";
import { interner } from "../../prepare.ts";
import { arith, int, scoped, type TileBuilder } from "../builder.ts";
import type { TileTarget } from "../target.ts";
import type { Coming } from "./boxes.ts";
import { computed, rounded, stored } from "./operand.ts";
import { atOnce, LINE } from "./prologue.ts";
import { SET } from "./sets.ts";

/** One operand of a product, number `q`: its value over `outer`, of which there are `limit`, `size` in a tile. */
export interface Side {
  readonly q: 0 | 1;
  readonly o: Coming;
  readonly size: number;
  readonly value: Expr;
  readonly outer: ExprVar;
  readonly limit: number;
}

/** Makes the statements that compute the strip of an operand that begins at (`start`, `deep`), into memory `buf` from element `at` on. */
export function producer(
  b: TileBuilder,
  g: GemmKernel,
  sides: readonly Side[],
  target: TileTarget,
): (side: Side, buf: number, at: Expr, start: Expr, deep: Expr, batch: Expr) => TiledStmt[] {
  const share = interner(),
    expand = expander(target),
    dtype = g.operands === "f16" ? "f16" : "bf16",
    ready = new Map(sides.map(x => [x.q, share(expand(rounded(x.value, dtype, countOf(x.o))))]));
  return ({ q, o, size, value, outer, limit }, buf, at, start, deep, batch) => {
    const count = countOf(o),
      each = (size * LINE) / count / SET, // whole: sizes are multiples of a line
      along = o.across ? "outer" : "l",
      across = LINE / count;
    const one = (r: number): { readonly get: TiledStmt[]; readonly put: TiledStmt[] } => {
      const piece = arith("add", b.lane, int(r * SET)),
        row = arith("div", piece, int(across)),
        col = arith("mul", arith("rem", piece, int(across)), int(count)),
        place = arith("add", at, arith("add", arith("mul", row, int(LINE)), col));
      // rows are of contracted indices; or, panel by panel of LINE rows or columns of the operand, of those
      const [x, y] = o.across
        ? [
            arith("add", arith("add", start, arith("mul", arith("div", row, int(LINE)), int(LINE))), col),
            arith("add", deep, arith("rem", row, int(LINE))),
          ]
        : [arith("add", start, row), arith("add", deep, col)];
      const strips = { batch: { v: g.vars.b, value: batch }, l: g.vars.l, k: g.k, depth: LINE, params: g.params },
        { before, values } = computed(ready.get(q) ?? value, { outer, limit, size }, strips, along, count, x, y),
        names = values.map(() => exprVar("x", "f32"));
      const get = [...before, ...names.map((v, e): TiledStmt => ({ kind: "let", v, value: values[e] as Expr }))], // one for one
        put = [stored(buf, place, names)];
      return { get, put };
    };
    const some = o.tensor ? 1 : atOnce(o);
    return Array.from({ length: Math.ceil(each / some) }, (_, t) => {
      const turns = Array.from({ length: Math.min(some, each - t * some) }, (_, r) => t * some + r),
        made = turns.map(one);
      return scoped([...made.flatMap(m => m.get), ...made.flatMap(m => m.put)]);
    });
  };
}
const countOf = (o: Coming): number => (o.tensor ? 1 : o.count);
