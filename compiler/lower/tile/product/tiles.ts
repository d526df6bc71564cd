// Matrix products without matrix units: a group computes a rectangle of the result, each thread a small one in registers, from strips of both operands in shared memory. Whatever is fused
// into the operands runs as they are fetched, whatever follows the sums runs on registers. Sums over l are in order: bits do not depend on the tile.
import type { GemmKernel } from "../../../ir/kernel.ts";
import { exprVar, scalarOps, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { prepare } from "../../prepare.ts";
import { arith, int, less, TileBuilder, when, type Tiled } from "../builder.ts";
import { storesTogether } from "./neighbours.ts";
import { threadsOf, type ProductCut } from "./cut.ts";
import { Frame } from "./frame.ts";
import { storePart } from "./split.ts";
import { sequential } from "../statements.ts";
import type { Strips } from "./strips.ts";
import type { TileTarget } from "../target.ts";

/** What a product's kernel depends on beside its sizes. `parts`: groups that share a tile's sum. `aligned`: bytes of which a parameter's address is a multiple. */
export interface ProductPlan {
  readonly cut: ProductCut;
  readonly parts: number;
  readonly aligned: (param: number) => number;
}

/** The product by tiles. One in parts leaves the sums of each in its workspace: [parts, batch, m, n]. */
export const productTile = (g: GemmKernel, plan: ProductPlan, target: TileTarget): Tiled => new Product(g, plan, target).tile();

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
  private readonly frame: Frame;
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
    this.frame = new Frame(g, this.b, { ...plan, threads: threadsOf(plan.cut) }, target);
    this.sums = Array.from({ length: rows * cols }, () => exprVar("sum", g.dtype));
  }

  tile(): Tiled {
    const { g, b, plan, sums, frame } = this,
      { cut, parts } = plan,
      across = int(cut.n / cut.cols);
    const workspace = parts === 1 ? undefined : b.memory("workspace", g.dtype, parts * g.batch * g.m * g.n),
      zero = scalarOps.const(0, g.dtype);
    return b.finish(g.name, g.params, threadsOf(cut), frame.groups, [
      ...frame.places(),
      { kind: "let", v: this.ty, value: arith("div", b.lane, across) },
      { kind: "let", v: this.tx, value: arith("rem", b.lane, across) },
      ...sums.map((v): TiledStmt => ({ kind: "let", v, value: zero })),
      ...frame.strips((lhs, rhs, buffer) => [this.multiply(lhs, rhs, buffer)]),
      ...this.results(
        workspace === undefined ? sequential(prepare(g.epilogue, this.target)) : storePart(g, workspace, frame.part, frame.batch),
      ),
    ]);
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
      { kind: "let", v: b, value: this.frame.batch },
      { kind: "let", v: i, value: arith("add", this.frame.top, rows.at(this.ty, r)) },
      { kind: "let", v: j, value: arith("add", this.frame.left, cols.at(this.tx, c)) },
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
