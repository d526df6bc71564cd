// A matrix product on matrix units: a group computes a tile of the result from strips of both operands that travel through several stages of shared memory, its subgroups a
// rectangle each, in blocks of 16 x 16 sums that are variables; what follows the sums runs on them. While a strip is multiplied the next ones are on their way.
import { BLOCK, depthOf, fragment, SUMS, type Fragment, type FragmentDType } from "../../../ir/fragment.ts";
import type { GemmKernel } from "../../../ir/kernel.ts";
import { exprVar, scalarOps as s, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { expander } from "../../elementary/expand.ts";
import { interner, prepare } from "../../prepare.ts";
import { arith, int, less, TileBuilder, when, type Tiled } from "../builder.ts";
import { sequential } from "../statements.ts";
import type { TileTarget } from "../target.ts";
import type { Cut } from "./cut.ts";
import { Staged, type Way } from "./operand.ts";
import { rasterOf } from "./raster.ts";
import { resultsOf } from "./results.ts";
import { storePart } from "../product/split.ts";

const WARP = 32;
/** How both operands come, and what they are multiplied as. `aligned`: bytes of which a parameter's address is a multiple. */
export interface MatrixPlan {
  readonly cut: Cut;
  readonly lhs: Way;
  readonly rhs: Way;
  readonly dtype: FragmentDType;
  readonly terms: Fragment["terms"];
  readonly aligned: (param: number) => number;
}

/** The kernel. A product in parts leaves the sums of each part in its workspace: f32 [parts, batch, m, n]. */
export const matrixTile = (g: GemmKernel, plan: MatrixPlan, target: TileTarget): Tiled => new Product(g, plan, target).tile();

class Product {
  private readonly b = new TileBuilder();
  private readonly g: GemmKernel;
  private readonly plan: MatrixPlan;
  private readonly target: TileTarget;
  private readonly batch = exprVar("batch", "i32");
  private readonly top = exprVar("top", "i32");
  private readonly left = exprVar("left", "i32");
  private readonly part = exprVar("part", "i32");
  private readonly row = exprVar("row", "i32"); // the subgroup's first row and column in the tile
  private readonly col = exprVar("col", "i32");
  private readonly quad = exprVar("quad", "i32"); // the thread's place in its subgroup: lane / 4 and lane % 4
  private readonly place = exprVar("place", "i32");
  private readonly sums: readonly (readonly ExprVar[])[];
  private readonly blocks: readonly [number, number];
  constructor(g: GemmKernel, plan: MatrixPlan, target: TileTarget) {
    const { m, n, down, across } = plan.cut;
    this.g = g;
    this.plan = plan;
    this.target = target;
    this.blocks = [m / down / BLOCK, n / across / BLOCK];
    this.sums = Array.from({ length: this.blocks[0] * this.blocks[1] }, () => SUMS.map(() => exprVar("sum", "f32")));
  }
  private get threads(): number {
    return this.plan.cut.down * this.plan.cut.across * WARP;
  }

  tile(): Tiled {
    const { g, b, plan } = this,
      { cut } = plan,
      tiles = rasterOf(g, cut.m, cut.n).count;
    const body = [
      ...this.places(),
      ...this.sums.flat().map((v): TiledStmt => ({ kind: "let", v, value: s.const(0, "f32") })),
      ...this.strips(),
    ];
    if (cut.parts === 1) body.push(...this.results(sequential(prepare(g.epilogue, this.target))));
    else body.push(...this.results(storePart(g, b.memory("workspace", "f32", cut.parts * g.batch * g.m * g.n), this.part, this.batch)));
    return b.finish(g.name, g.params, this.threads, g.batch * cut.parts * tiles, body);
  }
  /** Which tile is the group's, and which rectangle of it the subgroup's. */
  private places(): TiledStmt[] {
    const { g, b, plan } = this,
      { m, n, down, across, parts } = plan.cut,
      raster = rasterOf(g, m, n),
      where = raster.at(arith("rem", b.group, int(raster.count))),
      whose = exprVar("whose", "i32"),
      warp = arith("div", b.lane, int(WARP)),
      lane = arith("rem", b.lane, int(WARP));
    return [
      ...where.before,
      { kind: "let", v: whose, value: g.batch * parts === 1 ? int(0) : arith("div", b.group, int(raster.count)) },
      { kind: "let", v: this.batch, value: parts === 1 ? whose : arith("div", whose, int(parts)) },
      { kind: "let", v: this.part, value: parts === 1 ? int(0) : arith("rem", whose, int(parts)) },
      { kind: "let", v: this.top, value: where.top },
      { kind: "let", v: this.left, value: where.left },
      { kind: "let", v: this.row, value: arith("mul", arith("rem", warp, int(down)), int(m / down)) },
      { kind: "let", v: this.col, value: arith("mul", arith("div", warp, int(down)), int(n / across)) },
      { kind: "let", v: this.quad, value: arith("div", lane, int(4)) },
      { kind: "let", v: this.place, value: arith("rem", lane, int(4)) },
    ];
  }
  /** All strips of the part, multiplied in order. At the start of a turn its strip is there, and the stage that the turn fills has been read by all. */
  private strips(): TiledStmt[] {
    const { g, plan, b } = this,
      { cut, dtype } = plan,
      { stages, parts } = cut,
      all = Math.ceil(g.k / cut.k),
      each = Math.ceil(all / parts),
      share = interner(),
      expand = expander(this.target);
    const strips = {
      b,
      l: g.vars.l,
      batch: { v: g.vars.b, value: this.batch },
      threads: this.threads,
      depth: cut.k,
      k: g.k,
      stages,
      params: g.params,
      ready: (e: Expr): Expr => share(expand(e)),
    };
    const lhs = new Staged(
        { side: "lhs", value: g.lhs, outer: g.vars.i, way: plan.lhs, dtype, size: cut.m, start: this.top, limit: g.m },
        strips,
      ),
      rhs = new Staged(
        { side: "rhs", value: g.rhs, outer: g.vars.j, way: plan.rhs, dtype, size: cut.n, start: this.left, limit: g.n },
        strips,
      ),
      both = [lhs, rhs];
    const first = exprVar("first", "i32"),
      count = parts === 1 ? int(all) : exprVar("count", "i32"),
      step = exprVar("step", "i32"),
      next = exprVar("next", "i32"),
      copies = both.some(o => o.async);
    const at = (strip: Expr): Expr => arith("mul", arith("add", first, strip), int(cut.k)),
      copy = (strip: Expr, stage: Expr): TiledStmt[] => both.filter(o => o.async).flatMap(o => o.copy(stage, at(strip))),
      commit: TiledStmt[] = copies ? [{ kind: "commitCopies" }] : [];
    const out: TiledStmt[] = [{ kind: "let", v: first, value: arith("mul", this.part, int(each)) }];
    if (count.kind === "var") out.push({ kind: "let", v: count, value: arith("min", arith("sub", int(all), first), int(each)) });
    for (let ahead = 0; ahead < stages - 1; ahead++) {
      const exists = ahead === 0 || (parts === 1 && ahead < all) ? undefined : less(int(ahead), count);
      if (!(parts === 1 && ahead >= all)) out.push(when(exists, copy(int(ahead), int(ahead))));
      out.push(...commit);
      for (const o of both)
        if (!o.async) {
          const { get, put } = o.load(at(int(ahead)));
          out.push(when(undefined, [...get, ...put(int(ahead))]));
        }
    }
    const loaded = both.filter(o => !o.async).map(o => o.load(at(next))),
      filled = arith("rem", next, int(stages));
    out.push({
      kind: "for",
      v: step,
      begin: int(0),
      end: count,
      body: [
        ...(copies ? [{ kind: "waitCopies", pending: stages - 2 } as const] : []),
        { kind: "barrier" },
        { kind: "let", v: next, value: arith("add", step, int(stages - 1)) },
        ...(copies ? [when(less(next, count), copy(next, filled))] : []),
        ...commit,
        ...loaded.flatMap(x => x.get),
        ...this.multiply(lhs, rhs, arith("rem", step, int(stages))),
        ...loaded.flatMap(x => x.put(filled)),
      ],
    });
    return out;
  }
  /** A strip multiplied. */
  private multiply(lhs: Staged, rhs: Staged, stage: Expr): TiledStmt[] {
    const { cut, dtype, terms } = this.plan,
      [rows, cols] = this.blocks,
      deep = depthOf(dtype);
    const above = exprVar("above", "i32"),
      beside = exprVar("beside", "i32");
    const loadAll = (o: Staged, side: Fragment["side"], first: Expr, n: number, depth: number): [Fragment[], TiledStmt[]] => {
      const made = Array.from({ length: n }, () => fragment(side, dtype, terms));
      return [made, made.map((into, q): TiledStmt => ({ kind: "loadFragment", into, buf: o.buf, ...o.fragment(first, q * BLOCK, depth) }))];
    };
    const steps = Array.from({ length: cut.k / deep }, (_, d) => {
      const [as, loadA] = loadAll(lhs, "lhs", above, rows, d * deep),
        [bs, loadB] = loadAll(rhs, "rhs", beside, cols, d * deep);
      return [
        ...loadA,
        ...loadB,
        ...as.flatMap((a, r) => bs.map((b, c): TiledStmt => ({ kind: "multiply", sums: this.sums[r * cols + c] ?? [], lhs: a, rhs: b }))),
      ];
    });
    return [
      { kind: "let", v: above, value: lhs.first(stage, this.row) },
      { kind: "let", v: beside, value: rhs.first(stage, this.col) },
      ...steps.flat(),
    ];
  }
  /** `after` for each sum of the thread. */
  private results(after: readonly TiledStmt[]): TiledStmt[] {
    const { batch, quad, place, sums, blocks } = this,
      [row, col] = [arith("add", this.top, this.row), arith("add", this.left, this.col)];
    return resultsOf({ g: this.g, ...this.plan, batch, row, col, quad, place, sums, across: blocks[1] }, after);
  }
}
