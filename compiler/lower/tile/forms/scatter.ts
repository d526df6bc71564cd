// Scatters in the order of their positions, without one thread that walks them all. A few positions: whoever computes an element looks at each. More: positions are sorted by the row
// that they write (`sort.ts`; the order is stable), every row finds where its own begin, and folds them; threads share rows that get many, each a stretch of them.
import { computeDType } from "../../../../runtime/dtype.ts";
import type { FormKernel } from "../../../ir/kernel.ts";
import { exprVar, scalarOps as s, type Expr } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { arith, int, less, load, TileBuilder, when, type Tiled } from "../builder.ts";
import { elementOf } from "./lines.ts";
import { sortLaunches } from "./sort.ts";
import { powerOfTwo, type TileTarget } from "../target.ts";

/** Positions times elements that are looked at without sorting. Elements side by side, most threads that share one, updates of a stretch at least, threads that fill a card. */
const SCAN = 1 << 22,
  ACROSS = 32,
  SHARERS = 256,
  STRETCH = 8,
  FILL = 131072;

/** A scatter as numbers and expressions: rows of `row` elements, `positions` of them written; `target` is the row of a position, or `rows` for none. */
interface Scatter {
  readonly rows: number;
  readonly row: number;
  readonly positions: number;
  readonly target: (position: Expr) => Expr;
  readonly old: (at: Expr) => Expr;
  readonly update: (at: Expr) => Expr;
  readonly store: (at: Expr, value: Expr) => TiledStmt;
  readonly combine: (x: Expr, y: Expr) => Expr;
}

/** The launches of a scatter; undefined for kernels that are none. */
export function scatterTile(k: FormKernel, target: TileTarget): readonly Tiled[] | undefined {
  const q = scatterOf(k);
  if (!q) return undefined;
  if (q.positions * q.rows * q.row <= SCAN && q.positions <= 1024) return [looking(k, q, target)];
  return sortedTile(k, q, target);
}

function scatterOf(k: FormKernel): Scatter | undefined {
  const [x, indices, updates] = k.ins,
    [out] = k.outs,
    { form } = k;
  if (form.form !== "scatter" || !x || !indices || !updates || !out) return undefined;
  const { batch, clip } = form,
    depth = indices.shape.at(-1) ?? 0,
    indexed = x.shape.slice(batch, batch + depth),
    size = (sizes: readonly number[]): number => sizes.reduce((n, d) => n * d, 1);
  const perBatch = size(indices.shape.slice(batch, -1)),
    rows = size(x.shape.slice(0, batch + depth)),
    row = size(x.shape.slice(batch + depth));
  return {
    rows,
    row,
    positions: size(x.shape.slice(0, batch)) * perBatch,
    target(position) {
      let to: Expr = arith("div", position, int(Math.max(1, perBatch))),
        inside: Expr | undefined;
      indexed.forEach((n, d) => {
        const raw = elementOf(indices, arith("add", arith("mul", position, int(depth)), int(d)));
        const i = clip ? s.binary("min", s.binary("max", raw, int(0)), int(n - 1)) : raw;
        if (!clip) {
          const here = s.binary("and", s.compare("ge", raw, int(0)), less(raw, int(n)));
          inside = inside ? s.binary("and", inside, here) : here;
        }
        to = arith("add", arith("mul", to, int(n)), i);
      });
      return inside ? s.select(inside, to, int(rows)) : to;
    },
    old: at => elementOf(x, at),
    update: at => elementOf(updates, at),
    store: (at, value) => ({ kind: "store", buf: out.buf, index: at, value: s.convert(value, out.dtype) }),
    combine: (a, b) => {
      const y = form.combine(s, a, b);
      return computeDType(out.dtype) === out.dtype ? y : s.convert(s.convert(y, out.dtype), computeDType(out.dtype));
    },
  };
}

/** A thread an element, which looks at every position. */
function looking(k: FormKernel, q: Scatter, target: TileTarget): Tiled {
  const b = new TileBuilder(),
    threads = Math.min(target.group, target.threads),
    total = q.rows * q.row,
    at = arith("add", arith("mul", b.group, int(threads)), b.lane),
    position = exprVar("position", "i32"),
    start = q.old(at),
    sum = exprVar("sum", start.dtype);
  return b.finish(k.name, k.params, threads, Math.ceil(total / threads), [
    when(total % threads === 0 ? undefined : less(at, int(total)), [
      { kind: "let", v: sum, value: start },
      {
        kind: "for",
        v: position,
        begin: int(0),
        end: int(q.positions),
        body: [
          when(s.compare("eq", q.target(position), arith("div", at, int(q.row))), [
            {
              kind: "set",
              v: sum,
              value: q.combine(sum, q.update(arith("add", arith("mul", position, int(q.row)), arith("rem", at, int(q.row))))),
            },
          ]),
        ],
      },
      q.store(at, sum),
    ]),
  ]);
}

/** Positions sorted by row, where each row's begin, and the rows. */
function sortedTile(k: FormKernel, q: Scatter, target: TileTarget): readonly Tiled[] {
  const first = k.params.length,
    workspace = [
      { dtype: "i32", elements: q.positions },
      { dtype: "i32", elements: q.positions },
      { dtype: "i32", elements: q.rows + 1 },
    ] as const,
    [places, sources, starts] = [first, first + 1, first + 2];
  const params = [...k.params, ...workspace.map(w => ({ ...w, access: "update" as const }))];
  const sort = sortLaunches(
    {
      name: `${k.name}_order`,
      params,
      lines: 1,
      n: q.positions,
      keys: [(_, position) => q.target(position)],
      descending: false,
      sink: (_, at, position, key) => [
        { kind: "store", buf: places, index: at, value: key },
        { kind: "store", buf: sources, index: at, value: position },
      ],
    },
    target,
  );
  const all = sort.at(-1)?.kernel.params ?? params;
  const [head, ...others] = sort as [Tiled, ...Tiled[]]; // at least one
  return [{ kernel: head.kernel, workspace: [...workspace, ...head.workspace] }, ...others, rowStarts(), folded()];

  /** starts[r] is how many positions are sorted before row r. */
  function rowStarts(): Tiled {
    const b = new TileBuilder(),
      threads = Math.min(target.group, target.threads),
      row = arith("add", arith("mul", b.group, int(threads)), b.lane),
      lo = exprVar("lo", "i32"),
      hi = exprVar("hi", "i32"),
      middle = arith("div", arith("add", lo, hi), int(2));
    return b.finish(`${k.name}_starts`, all, threads, Math.ceil((q.rows + 1) / threads), [
      when(less(row, int(q.rows + 1)), [
        { kind: "let", v: lo, value: int(0) },
        { kind: "let", v: hi, value: int(q.positions) },
        {
          kind: "while",
          cond: less(lo, hi),
          body: [
            {
              kind: "if",
              cond: less(load(places, "i32", middle), row),
              yes: [{ kind: "set", v: lo, value: arith("add", middle, int(1)) }],
              no: [{ kind: "set", v: hi, value: middle }],
            },
          ],
        },
        { kind: "store", buf: starts, index: row, value: lo },
      ]),
    ]);
  }
  /** Each element: its old value, combined with what its row's updates are together. */
  function folded(): Tiled {
    const b = new TileBuilder(),
      total = q.rows * q.row,
      mean = Math.ceil(q.positions / q.rows / STRETCH);
    let across = Math.min(ACROSS, powerOfTwo(total)),
      sharers = Math.min(SHARERS, powerOfTwo(mean), powerOfTwo(Math.ceil(FILL / total)), Math.floor(target.threads / across));
    const start = q.old(int(0)),
      wide = start.dtype === "f64" ? 12 : 8;
    sharers = Math.max(1, 2 ** Math.floor(Math.log2(Math.max(1, sharers))));
    while (sharers > 1 && sharers * across * wide > target.sharedBytes) sharers /= 2;
    if (sharers === 1) across = Math.min(target.group, target.threads);
    const threads = across * sharers,
      shared = sharers === 1 ? [] : [b.memory("shared", start.dtype, threads), b.memory("shared", "i32", threads)];
    const own = sharers === 1 ? int(0) : arith("div", b.lane, int(across)),
      at = exprVar("at", "i32"),
      sum = exprVar("sum", start.dtype),
      any = exprVar("any", "i32"),
      begin = exprVar("begin", "i32"),
      end = exprVar("end", "i32"),
      p = exprVar("p", "i32");
    const place = arith("add", arith("mul", b.group, int(across)), sharers === 1 ? b.lane : arith("rem", b.lane, int(across))),
      row = arith("div", at, int(q.row)),
      from = load(starts, "i32", row),
      count = arith("sub", load(starts, "i32", arith("add", row, int(1))), from);
    const part = (n: Expr): Expr =>
      arith("add", arith("mul", arith("div", count, int(sharers)), n), arith("min", n, arith("rem", count, int(sharers)))); // where stretch n begins
    const update = q.update(arith("add", arith("mul", load(sources, "i32", p), int(q.row)), arith("rem", at, int(q.row))));
    const meet: TiledStmt[] = [];
    if (sharers > 1) {
      const put: TiledStmt[] = [
        { kind: "store", buf: shared[0] as number, index: b.lane, value: sum }, // two
        { kind: "store", buf: shared[1] as number, index: b.lane, value: any }, // as many as are used here
      ];
      // neighbours meet first, so that the order stays
      for (let gap = 1; gap < sharers; gap *= 2) {
        const there = arith("add", b.lane, int(gap * across)),
          theirs = load(shared[0] as number, sum.dtype, there), // two
          have = load(shared[1] as number, "i32", there); // as many as are used here
        meet.push(
          ...(gap === 1 ? put : []),
          { kind: "barrier" },
          when(s.compare("eq", arith("rem", own, int(2 * gap)), int(0)), [
            when(s.compare("ne", have, int(0)), [
              { kind: "set", v: sum, value: s.select(s.compare("ne", any, int(0)), q.combine(sum, theirs), theirs) },
              { kind: "set", v: any, value: int(1) },
            ]),
            ...(2 * gap < sharers ? put : []),
          ]),
        );
      }
    }
    const inside = total % across === 0 ? undefined : less(place, int(total)),
      first = sharers === 1 ? undefined : s.compare("eq", own, int(0)),
      mine = first && inside ? s.binary("and", first, inside) : (first ?? inside);
    const seed: TiledStmt[] =
      sharers === 1
        ? [{ kind: "let", v: sum, value: q.old(at) }]
        : [
            { kind: "let", v: sum, value: s.const(0, start.dtype) },
            { kind: "let", v: any, value: int(0) },
          ];
    const turn: TiledStmt[] =
      sharers === 1
        ? [{ kind: "set", v: sum, value: q.combine(sum, update) }]
        : [
            { kind: "set", v: sum, value: s.select(s.compare("ne", any, int(0)), q.combine(sum, update), update) },
            { kind: "set", v: any, value: int(1) },
          ];
    return b.finish(`${k.name}_rows`, all, threads, Math.ceil(total / across), [
      { kind: "let", v: at, value: inside ? arith("min", place, int(total - 1)) : place },
      ...seed,
      { kind: "let", v: begin, value: sharers === 1 ? from : arith("add", from, part(own)) },
      { kind: "let", v: end, value: sharers === 1 ? arith("add", from, count) : arith("add", from, part(arith("add", own, int(1)))) },
      { kind: "for", v: p, begin, end, body: turn },
      ...meet,
      when(mine, [q.store(at, sharers === 1 ? sum : s.select(s.compare("ne", any, int(0)), q.combine(q.old(at), sum), q.old(at)))]),
    ]);
  }
}
