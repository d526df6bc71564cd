// What is fused into a product: operands that are computed while they are packed, and statements that the finished sums run through. The product generator
// calls this code with positions; here they become the kernel's own variables.
import type { GemmKernel } from "../../ir/kernel.ts";
import type { Expr, ExprVar } from "../../ir/scalar.ts";
import { operands } from "../../ir/exprs.ts";
import { coefficient } from "../../lower/indexing.ts";
import { changesOf, varyingIn } from "./analysis.ts";
import type { FuncBuilder, GlobalRef, Local } from "./encoder/function.ts";
import { ExprEmitter } from "./expr.ts";
import type { At, ComputedOutput, ComputedSource, Reader } from "./gemm/spec.ts";
import { LaneEmitter } from "./lanes.ts";
import type { KernelContext } from "./loops.ts";
import { countUses } from "../../lower/prepare.ts";
import { register } from "./types.ts";
import { extract, widthOf } from "./vector.ts";
import { hoistBody, straight, type Flat } from "./vectors.ts";

/** The kernel, prepared, and where its functions find their arguments. */
export interface Fused {
  readonly c: KernelContext;
  readonly k: GemmKernel;
  readonly args: GlobalRef;
}
/** The variables that a position gives values to. */
interface Names {
  readonly row: ExprVar;
  readonly col: ExprVar;
}

/** Code at the positions of one function: scalar, or for consecutive lanes along `v`. */
class Positions {
  readonly e: ExprEmitter;
  readonly lanes: LaneEmitter;
  private readonly batch: ExprVar;
  private readonly names: Names;
  private readonly start: Local;
  private readonly along: "row" | "col";

  constructor(f: FuncBuilder, { c, k, args }: Fused, names: Names, along: "row" | "col", body: readonly Flat[]) {
    const buffers = k.params.map((p, i) => {
      const base = f.local("i32");
      f.getGlobal(args)
        .mem("i32.load", 4 * i)
        .set(base);
      return { base, dtype: p.dtype };
    });
    const v = names[along],
      changes = changesOf(body);
    this.e = new ExprEmitter(f, buffers, c.routines, c.fma, countUses(body));
    this.batch = k.vars.b;
    this.names = names;
    this.along = along;
    this.start = f.local("i32");
    const varying = varyingIn(this.e, [k.vars.b, names.row, names.col, k.vars.acc], changes),
      uneven = varyingIn(this.e, [k.vars.acc], changes);
    this.lanes = new LaneEmitter(this.e, { v, i: this.start, elements: k.dtype === "f64" ? 2 : 4, varying, uneven });
  }
  /** `code` with the names standing for a position. */
  at({ batch, row, col }: At, code: () => void): void {
    const { e, names } = this;
    e.bindVar(this.batch, batch);
    e.bindVar(names.row, row);
    e.bindVar(names.col, col);
    e.scope(code);
  }
  /** The statements for one position. */
  statements(at: At, body: readonly Flat[]): void {
    const { e } = this,
      { f } = e;
    this.at(at, () =>
      body.forEach(s => {
        if (s.kind === "let") {
          const x = e.scalar(s.value),
            to = e.variable(s.v);
          f.get(x).set(to);
          return;
        }
        if (s.guard) f.get(e.scalar(s.guard)).if_(() => e.scope(() => e.store(s.buf, s.index, s.value)));
        else e.store(s.buf, s.index, s.value);
        e.forget({ vars: new Set(), bufs: new Set([s.buf]) });
      }),
    );
  }
  /** `code` with lanes that start at a position. */
  from(at: At, code: () => void): void {
    this.e.f.get(at[this.along]).set(this.start);
    this.at({ ...at, [this.along]: this.start }, () => {
      this.lanes.memory.point();
      this.lanes.scope(code);
    });
  }
}

/** The epilogue as the generator's output. `body`: its statements, prepared. */
export function fusedOutput(p: Fused, body: readonly Flat[]): ComputedOutput {
  const { k } = p,
    { i, j, acc } = k.vars;
  const vectors = lanesFit(
    k,
    body.flatMap(s => (s.kind === "store" && s.guard ? [s.value, s.guard] : [s.value])),
  );
  return {
    kind: "computed",
    open: f => {
      const here = new Positions(f, p, { row: i, col: j }, "col", body),
        one = f.local(register(k.dtype)),
        col = f.local("i32");
      hoistBody(here.lanes, body);
      return (at, sums, lanes) => {
        if (lanes > 1 && vectors) {
          here.from(at, () => {
            here.lanes.bind(acc, [sums]);
            straight(here.lanes, body, () => undefined);
          });
          return;
        }
        for (let lane = 0; lane < lanes; lane++) {
          if (lanes === 1) f.get(sums);
          else extract(f, k.dtype, widthOf(k.dtype), sums, lane);
          f.set(one).get(at.col).plus(lane).set(col);
          here.e.bindVar(acc, one);
          here.statements({ ...at, col }, body);
        }
      };
    },
  };
}

/** An operand that is not a plain load, as the generator's source. `x` is prepared; `row` and `col` are its variables. */
export function fusedSource(p: Fused, x: Expr, row: ExprVar, col: ExprVar): ComputedSource {
  const { k } = p,
    body: readonly Flat[] = [{ kind: "let", v: k.vars.acc, value: x }];
  const axis = lanesFit(k, [x])
    ? (
        [
          ["col", col],
          ["row", row],
        ] as const
      ).find(([, v]) => inLines(x, v))?.[0]
    : undefined;
  const open = (f: FuncBuilder): Reader => {
    const here = new Positions(f, p, { row, col }, axis ?? "col", body),
      result = f.local(register(k.dtype)),
      vector = f.local("v128");
    here.lanes.hoist(x);
    return {
      scalar: at => {
        here.at(at, () => f.get(here.e.scalar(x)).set(result));
        f.get(result);
      },
      ...(axis && {
        vector: (at: At) => {
          here.from(at, () => f.get(here.lanes.local(x, 0)).set(vector));
          f.get(vector);
        },
      }),
    };
  };
  return {
    kind: "computed",
    batched: mentions(x, e => e === k.vars.b || (e.kind === "var" && e.id === k.vars.b.id)),
    ...(axis && { vectorAxis: axis }),
    open,
  };
}

/** Values of an expression, not the positions it reads at. */
function values(e: Expr): readonly Expr[] {
  return e.kind === "load" ? [...(e.guard ? [e.guard] : []), ...(e.otherwise ? [e.otherwise] : [])] : operands(e);
}
function mentions(root: Expr, test: (e: Expr) => boolean, below: (e: Expr) => readonly Expr[] = operands): boolean {
  const seen = new Set<Expr>();
  const visit = (e: Expr): boolean => {
    if (seen.has(e)) return false;
    seen.add(e);
    return test(e) || below(e).some(visit);
  };
  return visit(root);
}
/** A vector of sums has 4 lanes of f32 or 2 of f64: with 2, nothing 32 bits wide fits beside them. */
const lanesFit = (k: GemmKernel, roots: readonly Expr[]): boolean =>
  k.dtype === "f32" ||
  !roots.some(x => mentions(x, e => e.kind !== "const" && e.dtype !== "f64" && !(e.dtype === "bool" && e.kind !== "load"), values));
/** Are all reads one line of memory, or one element, along `v`? */
const inLines = (x: Expr, v: ExprVar): boolean =>
  !mentions(x, e => e.kind === "load" && ![0, 1].includes(coefficient(e.index, v) ?? -1)) &&
  mentions(x, e => e.kind === "load" && coefficient(e.index, v) === 1);
