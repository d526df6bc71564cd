// Matrix products without matrix units: a group computes a rectangle of the result, each thread a small one in registers, from strips of both operands in shared memory. Whatever is fused
// into the operands runs as they are fetched, whatever follows the sums runs on registers. Sums over l are in order: bits do not depend on the tile.
import type { GemmKernel } from "../../ir/kernel.ts";
import { exprVar, scalarOps, type Expr, type ExprVar } from "../../ir/scalar.ts";
import type { TiledStmt } from "../../ir/tiled.ts";
import { interner, prepare } from "../prepare.ts";
import { expander } from "../elementary/expand.ts";
import { arith, int, less, TileBuilder, when, type Tiled } from "./builder.ts";
import { rasterOf } from "./matrix/raster.ts";
import { storesTogether } from "./neighbours.ts";
import { threadsOf, type ProductCut } from "./product_cut.ts";
import { storePart } from "./split.ts";
import { sequential } from "./statements.ts";
import { lieOf, Strips } from "./strips.ts";
import type { TileTarget } from "./target.ts";

/** What a product's kernel depends on beside its sizes. `parts`: groups that share a tile's sum. `aligned`: bytes of which a parameter's address is a multiple. */
export interface ProductPlan {
  readonly cut: ProductCut;
  readonly parts: number;
  readonly aligned: (param: number) => number;
}

/** The product by tiles. One in parts leaves the sums of each in its workspace: [parts, batch, m, n]. */
export const productTile = (g: GemmKernel, plan: ProductPlan, target: TileTarget): Tiled => new Product(g, plan, target).tile();

/** Parts of a sum begin at multiples of this, whatever the cut, so that their bits do not depend on it. */
const STRIP = 32;
/** Rows or columns of a thread: runs of up to four neighbours, the runs of all threads side by side, so that a vector's worth of threads reads shared memory without a gap. */
class Side {
  readonly run: number;
  private readonly gap: number;
  readonly count: number;
  constructor(count: number, size: number) {
    this.count = count;
    this.run = Math.min(4, count);
    this.gap = (size * this.run) / count;
  }
  /** Row or column number `q` of the thread that has number `t` on this side. */
  at(t: Expr, q: number): Expr {
    return arith("add", arith("mul", t, int(this.run)), int(Math.floor(q / this.run) * this.gap + (q % this.run)));
  }
}

class Product {
  private readonly b = new TileBuilder();
  private readonly batch = exprVar("batch", "i32");
  private readonly part = exprVar("part", "i32");
  private readonly top = exprVar("top", "i32");
  private readonly left = exprVar("left", "i32");
  private readonly ty = exprVar("ty", "i32");
  private readonly tx = exprVar("tx", "i32");
  private readonly g: GemmKernel;
  private readonly plan: ProductPlan;
  private readonly target: TileTarget;
  private readonly rows: Side;
  private readonly cols: Side;
  private readonly sums: readonly ExprVar[];
  constructor(g: GemmKernel, plan: ProductPlan, target: TileTarget) {
    const { m, n, rows, cols } = plan.cut;
    this.g = g;
    this.plan = plan;
    this.target = target;
    this.rows = new Side(rows, m);
    this.cols = new Side(cols, n);
    this.sums = Array.from({ length: rows * cols }, () => exprVar("sum", g.dtype));
  }

  tile(): Tiled {
    const { g, b, plan, sums } = this,
      { cut, parts } = plan,
      tiles = rasterOf(g, cut.m, cut.n).count;
    const workspace = parts === 1 ? undefined : b.memory("workspace", g.dtype, parts * g.batch * g.m * g.n),
      zero = scalarOps.const(0, g.dtype);
    return b.finish(g.name, g.params, threadsOf(cut), g.batch * parts * tiles, [
      ...this.places(),
      ...sums.map((v): TiledStmt => ({ kind: "let", v, value: zero })),
      ...(g.k === 0 ? [] : this.strips()),
      ...this.results(
        workspace === undefined ? sequential(prepare(g.epilogue, this.target)) : storePart(g, workspace, this.part, this.batch),
      ),
    ]);
  }
  private places(): TiledStmt[] {
    const { g, b, plan } = this,
      { m, n, cols } = plan.cut,
      raster = rasterOf(g, m, n),
      count = int(Math.max(1, raster.count)),
      where = raster.at(arith("rem", b.group, count)),
      whose = exprVar("whose", "i32"),
      across = int(n / cols);
    return [
      ...where.before,
      { kind: "let", v: whose, value: g.batch * plan.parts === 1 ? int(0) : arith("div", b.group, count) },
      { kind: "let", v: this.batch, value: plan.parts === 1 ? whose : arith("div", whose, int(plan.parts)) },
      { kind: "let", v: this.part, value: plan.parts === 1 ? int(0) : arith("rem", whose, int(plan.parts)) },
      { kind: "let", v: this.top, value: where.top },
      { kind: "let", v: this.left, value: where.left },
      { kind: "let", v: this.ty, value: arith("div", b.lane, across) },
      { kind: "let", v: this.tx, value: arith("rem", b.lane, across) },
    ];
  }
  /** All strips of the part, summed in order. */
  private strips(): TiledStmt[] {
    const { g, plan, b, target } = this,
      { cut, parts, aligned } = plan,
      all = Math.ceil(g.k / cut.k),
      share = interner(),
      expand = expander(target);
    const common = {
      g,
      depth: cut.k,
      threads: threadsOf(cut),
      batch: this.batch,
      buffers: cut.buffers,
      ...(cut.packed && { packed: cut.packed }),
      ready: (e: Expr): Expr => share(expand(e)),
    };
    const { i, j } = g.vars,
      lhs = new Strips(
        { ...common, value: g.lhs, outer: i, lie: lieOf(g.lhs, g, i, g.m, aligned), size: cut.m, start: this.top, limit: g.m },
        b,
      ),
      rhs = new Strips(
        { ...common, value: g.rhs, outer: j, lie: lieOf(g.rhs, g, j, g.n, aligned), size: cut.n, start: this.left, limit: g.n },
        b,
      ),
      both = [lhs, rhs];
    const first = exprVar("first", "i32"),
      end = exprVar("end", "i32"),
      step = exprVar("step", "i32"),
      next = exprVar("next", "i32"),
      [from, to] = parts === 1 ? [int(0), int(all)] : [first, end];
    const at = (strip: Expr): Expr => arith("mul", strip, int(cut.k)),
      barrier: TiledStmt = { kind: "barrier" };
    const block = STRIP / cut.k,
      blocks = Math.ceil(g.k / STRIP),
      startOf = (part: Expr): Expr => arith("mul", arith("div", arith("mul", part, int(blocks)), int(parts)), int(block));
    const bounds: TiledStmt[] =
      parts === 1
        ? []
        : [
            { kind: "let", v: first, value: startOf(this.part) },
            { kind: "let", v: end, value: arith("min", startOf(arith("add", this.part, int(1))), int(all)) },
          ];
    if (cut.buffers === 1)
      return [
        ...bounds,
        {
          kind: "for",
          v: step,
          begin: from,
          end: to,
          body: [...both.flatMap(o => o.bring(at(step), int(0))), barrier, this.multiply(lhs, rhs, int(0)), barrier],
        },
      ];
    const ahead = both.map(o => o.ahead(at(next))),
      more = less(next, to);
    return [
      ...bounds,
      ...both.flatMap(o => o.bring(at(from), arith("rem", from, int(2)))),
      barrier,
      {
        kind: "for",
        v: step,
        begin: from,
        end: to,
        body: [
          { kind: "let", v: next, value: arith("add", step, int(1)) },
          ...ahead.flatMap(a => a.given),
          when(
            more,
            ahead.flatMap(a => a.get),
          ),
          this.multiply(lhs, rhs, arith("rem", step, int(2))),
          when(
            more,
            ahead.flatMap(a => a.put(arith("rem", next, int(2)))),
          ),
          barrier,
        ],
      },
    ];
  }
  /** What is in a buffer, added to the sums. */
  private multiply(lhs: Strips, rhs: Strips, buffer: Expr): TiledStmt {
    const { g, plan, rows, cols } = this,
      kk = exprVar("kk", "i32"),
      row = Array.from({ length: rows.count }, () => exprVar("a", g.dtype)),
      col = Array.from({ length: cols.count }, () => exprVar("b", g.dtype));
    const read = (o: Strips, vars: readonly ExprVar[], side: Side, t: Expr): TiledStmt[] =>
      Array.from({ length: side.count / side.run }, (_, q) =>
        o.read(vars.slice(q * side.run, (q + 1) * side.run), buffer, kk, side.at(t, q * side.run)),
      ).flat();
    return {
      kind: "for",
      v: kk,
      begin: int(0),
      end: int(plan.cut.k),
      body: [
        ...read(lhs, row, rows, this.ty),
        ...read(rhs, col, cols, this.tx),
        ...this.sums.map((v, r): TiledStmt => ({
          kind: "set",
          v,
          value: scalarOps.fma(row[Math.floor(r / cols.count)] as Expr, col[r % cols.count] as Expr, v),
        })), // a sum for each pair
      ],
    };
  }
  /** `after` for each result that exists; for the neighbours of a run together where they are stored so. */
  private results(after: readonly TiledStmt[]): TiledStmt[] {
    const { g, plan, rows, cols } = this,
      { i, j, b, acc } = g.vars,
      run =
        (cols.run === 4 || cols.run === 2) && g.dtype !== "f64"
          ? storesTogether(after, { v: j, extent: g.n, params: g.params, aligned: plan.aligned }, cols.run)
          : undefined;
    const bound = (r: number, c: number): TiledStmt[] => [
      { kind: "let", v: b, value: this.batch },
      { kind: "let", v: i, value: arith("add", this.top, rows.at(this.ty, r)) },
      { kind: "let", v: j, value: arith("add", this.left, cols.at(this.tx, c)) },
      { kind: "let", v: acc, value: this.sums[r * cols.count + c] as Expr }, // one for each pair
    ];
    const inside = [...(g.m % plan.cut.m === 0 ? [] : [less(i, int(g.m))]), ...(g.n % plan.cut.n === 0 ? [] : [less(j, int(g.n))])].reduce<
      Expr | undefined
    >((x, y) => (x ? scalarOps.binary("and", x, y) : y), undefined);
    const together = run ? cols.run : 1;
    return Array.from({ length: rows.count * (cols.count / together) }, (_, q): TiledStmt => {
      const r = Math.floor(q / (cols.count / together)),
        c = (q % (cols.count / together)) * together,
        first = bound(r, c);
      const body = run ? run(Array.from({ length: together }, (_, x) => (x === 0 ? first : bound(r, c + x)))) : after;
      return when(undefined, [...first, when(inside, body)]);
    });
  }
}
