// What products out of strips in shared memory have in common, however strips are multiplied: which tile is a group's, and the strips of its part of the sum on their way, in order.
import type { GemmKernel } from "../../../ir/kernel.ts";
import { exprVar, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { expander } from "../../elementary/expand.ts";
import { interner } from "../../prepare.ts";
import { arith, int, less, when, type TileBuilder } from "../builder.ts";
import { rasterOf } from "../matrix/raster.ts";
import type { ProductCut } from "./cut.ts";
import { lieOf, Strips } from "./strips.ts";
import type { TileTarget } from "../target.ts";

/** How a product is cut: into tiles, and each sum into `parts` groups. `threads` of a group; `aligned`: bytes of which a parameter's address is a multiple. */
export interface FramePlan {
  readonly cut: Pick<ProductCut, "m" | "n" | "k" | "buffers" | "packed">;
  readonly threads: number;
  readonly parts: number;
  readonly aligned: (param: number) => number;
}
/** Parts of a sum begin at multiples of this, whatever the cut, so that their bits do not depend on it. */
const STRIP = 32;

/** One product. `batch`, `part`, `top` and `left` are known after `places`. */
export class Frame {
  readonly batch: ExprVar = exprVar("batch", "i32");
  readonly part: ExprVar = exprVar("part", "i32");
  readonly top: ExprVar = exprVar("top", "i32");
  readonly left: ExprVar = exprVar("left", "i32");
  private readonly g: GemmKernel;
  private readonly b: TileBuilder;
  private readonly plan: FramePlan;
  private readonly target: TileTarget;
  constructor(g: GemmKernel, b: TileBuilder, plan: FramePlan, target: TileTarget) {
    this.g = g;
    this.b = b;
    this.plan = plan;
    this.target = target;
  }
  /** Groups of the whole product. */
  get groups(): number {
    const { g, plan } = this;
    return g.batch * plan.parts * rasterOf(g, plan.cut.m, plan.cut.n).count;
  }
  /** Which tile is the group's, of which batch and which part of the sum. */
  places(): TiledStmt[] {
    const { g, b, plan } = this,
      { m, n } = plan.cut,
      raster = rasterOf(g, m, n),
      count = int(Math.max(1, raster.count)),
      where = raster.at(arith("rem", b.group, count)),
      whose = exprVar("whose", "i32");
    return [
      ...where.before,
      { kind: "let", v: whose, value: g.batch * plan.parts === 1 ? int(0) : arith("div", b.group, count) },
      { kind: "let", v: this.batch, value: plan.parts === 1 ? whose : arith("div", whose, int(plan.parts)) },
      { kind: "let", v: this.part, value: plan.parts === 1 ? int(0) : arith("rem", whose, int(plan.parts)) },
      { kind: "let", v: this.top, value: where.top },
      { kind: "let", v: this.left, value: where.left },
    ];
  }
  /** All strips of the part, in order; `multiply` adds what is in a buffer of both operands to the sums. */
  strips(multiply: (lhs: Strips, rhs: Strips, buffer: Expr) => readonly TiledStmt[]): TiledStmt[] {
    if (this.g.k === 0) return [];
    const { g, plan, b, target } = this,
      { cut, parts, aligned } = plan,
      all = Math.ceil(g.k / cut.k),
      share = interner(),
      expand = expander(target);
    const common = {
      g,
      depth: cut.k,
      threads: plan.threads,
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
          body: [...both.flatMap(o => o.bring(at(step), int(0))), barrier, ...multiply(lhs, rhs, int(0)), barrier],
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
          ...multiply(lhs, rhs, arith("rem", step, int(2))),
          when(
            more,
            ahead.flatMap(a => a.put(arith("rem", next, int(2)))),
          ),
          barrier,
        ],
      },
    ];
  }
}
