// Folds over leading axes: whole rows of accumulators side by side, the vector axis inside, several rows a turn. Folds over the same index space share one
// pass. A tall space is folded in fixed pieces first, so that there is work for every thread and results never depend on how many there are.
import { computeDType } from "../../runtime/dtype.ts";
import { InternalError } from "../../runtime/errors/error.ts";
import { sameShape, sizeOf, type Aval, type Shape } from "../ir/aval.ts";
import type { Eqn } from "../ir/func.ts";
import type { Stmt } from "../ir/kernel.ts";
import { exprVar, type Expr } from "../ir/scalar.ts";
import type { SlotRef } from "../ir/schedule.ts";
import { ravel, unravel } from "./indexing.ts";
import type { Launch } from "./loops.ts";
import type { Target } from "./reduce.ts";
import type { Member } from "./rows.ts";
import { mapBuffers } from "./statements.ts";
import { sideBySide } from "./neighbours.ts";
import { KernelScope, placesAt, type Places } from "./scope.ts";

/** Columns of one grid item, rows of one turn, elements of one piece, most folds of one pass. */
const STRIP = 256,
  TURN = 4,
  PIECE = 65536,
  FOLDS = 4;

/** Does the reduction keep its last dimension, so that its results lie side by side? */
export function isColumns(e: Eqn): boolean {
  const { lower } = e.prim,
    shape = e.ins[0]?.aval.shape ?? [],
    last = shape.length - 1;
  return lower.kind === "reduce" && !lower.axes(e.params).includes(last) && (shape[last] ?? 0) > 1 && sizeOf(shape) > 0;
}

interface Space {
  readonly kept: readonly number[];
  readonly axes: readonly number[];
  readonly keptShape: Shape;
  readonly redShape: Shape;
}
function spaceOf(e: Eqn): Space {
  const { lower } = e.prim,
    shape = e.ins[0]?.aval.shape ?? [];
  if (lower.kind !== "reduce") throw new InternalError(`${e.prim.name} is not a reduction`);
  const axes = lower.axes(e.params),
    kept = shape.map((_, d) => d).filter(d => !axes.includes(d));
  return { kept, axes, keptShape: kept.map(d => shape[d] ?? 0), redShape: axes.map(d => shape[d] ?? 0) };
}

/** Folds in one pass that is still open. */
export class Columns {
  readonly kind = "columns";
  private readonly name: string;
  private readonly places: Places;
  private readonly position: number;
  private readonly many: boolean;
  private readonly members: Member[] = [];
  private weight = 0;
  /** `many`: for a machine of many threads. */
  constructor(name: string, places: Places, position: number, many: boolean) {
    this.name = name;
    this.places = places;
    this.position = position;
    this.many = many;
  }
  /** Take a fold in, if it runs over the same space. */
  join(m: Member, weight: number): boolean {
    const [first] = this.members;
    if (
      first &&
      (this.members.length >= FOLDS ||
        !sameShape(first.e.ins[0]?.aval.shape ?? [], m.e.ins[0]?.aval.shape ?? []) ||
        !sameShape(spaceOf(first.e).axes, spaceOf(m.e).axes))
    )
      return false;
    this.members.push(m);
    this.weight += weight;
    return true;
  }
  /** `fresh` makes temporary memory. */
  launches(fresh: (a: Aval) => SlotRef): Launch[] {
    const { members, name, weight } = this,
      space = spaceOf((members[0] as Member).e),
      places = placesAt(this.places, this.position),
      { keptShape, redShape } = space; // never empty
    const folds = members.map(({ e }) => partsOf(e)),
      n = sizeOf(redShape),
      width = keptShape.at(-1) ?? 1,
      items = Math.ceil(sizeOf(keptShape) / width) * Math.ceil(width / STRIP);
    const read = (s: KernelScope, kept: readonly Expr[], r: Expr): Expr[] => {
      const red = unravel(s.ops, r, redShape);
      return members.flatMap(({ e }) => {
        const index = (e.ins[0]?.aval.shape ?? []).map(
          (_, d) => (space.axes.includes(d) ? red[space.axes.indexOf(d)] : kept[space.kept.indexOf(d)]) as Expr,
        );
        return e.ins.map(a => s.read(a, index));
      }); // every dimension is one or the other
    };
    const targets = members.flatMap(m => m.into),
      rows = Math.max(4 * TURN, Math.ceil(PIECE / Math.min(width, STRIP))),
      pieces = Math.ceil(n / rows);
    if (this.many) return sideBySide({ name, folds, places, keptShape, n, weight, read }, targets, fresh);
    if (items >= 8 || pieces < 2) return [pass(name, folds, places, targets, keptShape, [n], weight, read)];
    const partial = targets.map((t): Target => {
      const aval: Aval = { dtype: computeDType(t.aval.dtype), shape: [pieces, ...keptShape] };
      return { ref: fresh(aval), aval };
    });
    const first = pass(`${name}_pieces`, folds, places, partial, [pieces, ...keptShape], [n, rows], weight, (s, [, ...kept], r) =>
      read(s, kept, r),
    );
    const second = pass(name, folds, places, targets, keptShape, [pieces], 1, (s, kept, r) =>
      partial.map(({ ref, aval }) => s.ops.load(s.buffer(ref, aval, "read"), aval.dtype, ravel(s.ops, [r, ...kept], aval.shape))),
    );
    return [first, second];
  }
}

/** A fold over columns. */
export interface Fold {
  readonly init: readonly number[];
  readonly combine: (s: KernelScope, a: readonly Expr[], b: readonly Expr[]) => readonly Expr[];
  readonly dtypes: readonly Aval["dtype"][];
}
function partsOf(e: Eqn): Fold {
  const { lower } = e.prim;
  if (lower.kind !== "reduce") throw new InternalError(`${e.prim.name} is not a reduction`);
  return {
    init: lower.init(
      e.params,
      e.ins.map(a => a.aval),
    ),
    combine: (s, a, b) => lower.combine(s.ops, a, b, e.params),
    dtypes: e.ins.map(a => computeDType(a.aval.dtype)),
  };
}

/** One pass: results of `kept` start at the identity and each of n rows is combined into them, in order. [n, rows]: the first kept dimension counts pieces of so many rows. */
function pass(
  name: string,
  folds: readonly Fold[],
  places: Places,
  targets: readonly Target[],
  kept: Shape,
  [n = 0, rows]: readonly number[],
  weight: number,
  read: (s: KernelScope, kept: readonly Expr[], r: Expr) => readonly Expr[],
): Launch {
  const s = new KernelScope(places),
    { ops } = s,
    width = kept.at(-1) ?? 1,
    lead = kept.slice(0, -1),
    strips = Math.ceil(width / STRIP),
    items = sizeOf(lead) * strips;
  const g = s.loop("g", items),
    j = s.loop("j", width),
    at = unravel(ops, ops.binary("div", g, ops.int(Math.max(1, strips))), lead),
    index = [...at, j];
  const begin = ops.binary("mul", ops.binary("rem", g, ops.int(Math.max(1, strips))), ops.int(STRIP)),
    end = ops.binary("min", ops.binary("add", begin, ops.int(STRIP)), ops.int(width));
  const first = rows === undefined ? ops.int(0) : ops.binary("mul", at[0] ?? ops.int(0), ops.int(rows)),
    count = rows ?? n;
  const local = ops.binary("sub", j, begin),
    place = ravel(ops, index, kept),
    each = (body: readonly Stmt[]): Stmt => ({ kind: "for", v: j, begin, end, parallel: true, body });
  const a = folds.flatMap(f => f.dtypes.map((d, k) => exprVar(`a${k}`, d))),
    acc = a.map((v, k) => ops.load(-1 - k, v.dtype, local)); // scratch is numbered after the parameters are known
  /** Accumulators after the rows at `at`, one after another. */
  const after = (at: readonly Expr[]): readonly Expr[] =>
    at.reduce<readonly Expr[]>((sum, r) => {
      const values = read(s, index, r);
      let k = 0;
      return folds.flatMap(f => {
        const m = f.dtypes.length,
          out = f.combine(s, sum.slice(k, k + m), values.slice(k, k + m));
        k += m;
        return out;
      });
    }, acc);
  const store = (values: readonly Expr[]): Stmt[] => {
    const next = a.map(v => exprVar("next", v.dtype));
    return [
      ...next.map((v, k): Stmt => ({ kind: "let", v, value: values[k] as Expr })),
      ...next.map((v, k): Stmt => ({ kind: "store", buf: -1 - k, index: local, value: v })),
    ];
  }; // every value before any is replaced
  const turns = Math.floor(count / TURN),
    q = s.loop("q", turns),
    r = s.loop("r", n);
  const stop = rows === undefined ? ops.int(n) : ops.binary("min", ops.binary("add", first, ops.int(rows)), ops.int(n));
  const whole = rows === undefined ? ops.int(turns) : ops.binary("div", ops.binary("sub", stop, first), ops.int(TURN));
  const from = (x: Expr, t: number): Expr => ops.binary("add", first, ops.binary("add", ops.binary("mul", x, ops.int(TURN)), ops.int(t)));
  const init = folds.flatMap(f => f.init);
  const body: Stmt[] = [
    each(a.map((v, k): Stmt => ({ kind: "store", buf: -1 - k, index: local, value: ops.const(init[k] ?? 0, v.dtype) }))),
    {
      kind: "for",
      v: q,
      begin: ops.int(0),
      end: whole,
      parallel: false,
      body: [each(store(after(Array.from({ length: TURN }, (_, t) => from(q, t)))))],
    },
    { kind: "for", v: r, begin: from(whole, 0), end: stop, parallel: false, body: [each(store(after([r])))] },
    each(
      targets.map(({ ref, aval }, k): Stmt => ({
        kind: "store",
        buf: s.buffer(ref, aval, "write"),
        index: place,
        value: ops.convert(acc[k] as Expr, aval.dtype),
      })),
    ), // one accumulator a target
  ];
  const base = s.params.length;
  return {
    kernel: {
      kind: "loop",
      name,
      params: s.params,
      scratch: a.map(v => ({ dtype: v.dtype, elements: STRIP })),
      grid: { v: g, extent: items, cost: Math.min(STRIP, width) * count * weight },
      body: mapBuffers(body, buf => (buf < 0 ? base - 1 - buf : buf)),
    },
    args: s.args,
  };
}
