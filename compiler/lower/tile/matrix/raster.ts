// The order in which tiles are taken: bands of a few rows of tiles, down and then across, so that groups that run side by side share strips, which then are in the cache.
import { exprVar, type Expr } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { arith, int } from "../builder.ts";

const TOGETHER = 8;
/** Tiles of a result of `m` by `n`, and where one of them begins, after the statements `before`. */
export function rasterOf(
  { m, n }: { readonly m: number; readonly n: number },
  rows: number,
  cols: number,
): {
  readonly count: number;
  readonly at: (tile: Expr) => { readonly before: readonly TiledStmt[]; readonly top: Expr; readonly left: Expr };
} {
  const down = Math.ceil(m / rows),
    across = Math.ceil(n / cols);
  const at = (given: Expr): { readonly before: readonly TiledStmt[]; readonly top: Expr; readonly left: Expr } => {
    const tile = exprVar("tile", "i32"),
      band = exprVar("band", "i32"),
      high = exprVar("high", "i32"),
      within = arith("rem", tile, int(TOGETHER * across));
    const [y, x] =
      down <= TOGETHER
        ? [arith("rem", tile, int(down)), arith("div", tile, int(down))]
        : [arith("add", band, arith("rem", within, high)), arith("div", within, high)];
    return {
      before: [
        { kind: "let", v: tile, value: given },
        { kind: "let", v: band, value: arith("mul", arith("div", tile, int(TOGETHER * across)), int(TOGETHER)) },
        { kind: "let", v: high, value: arith("min", arith("sub", int(down), band), int(TOGETHER)) },
      ],
      top: arith("mul", y, int(rows)),
      left: arith("mul", x, int(cols)),
    };
  };
  return { count: down * across, at };
}
