// Sorting: lines of up to a block of elements by a bitonic network in shared memory; longer ones in such blocks, which are then merged, twice as long each time, a group for each block
// of the result. Where a group begins in both runs is found by bisection. Equal keys go by position, so the order is the one stable order, whatever the machine.
import { isFloat, type DType } from "../../../../runtime/dtype.ts";
import type { BufRef, FormKernel, KernelParam } from "../../../ir/kernel.ts";
import { exprVar, scalarOps, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { arith, dealtOut, int, less, load, TileBuilder, when, type Tiled } from "../builder.ts";
import { elementOf, linesAlong } from "./lines.ts";
import { powerOfTwo, type TileTarget } from "../target.ts";

/** Most elements of a block, most threads that sort or merge one. */
const LARGEST = 1024,
  THREADS = 256;
const s = scalarOps;

/** `lines` of `n` elements each. `keys`: key k of the element at a position of a line, always in bounds; the first is moved along. `sink`: what is done with place `at` of a sorted
 *  line and the position of the element that belongs there. */
export interface Sorting {
  readonly name: string;
  readonly params: readonly KernelParam[];
  readonly lines: number;
  readonly n: number;
  readonly keys: readonly ((line: Expr, position: Expr) => Expr)[];
  readonly descending: boolean;
  readonly sink: (line: Expr, at: Expr, position: Expr, key: Expr) => readonly TiledStmt[];
}
/** An element: its first key and its position. */
interface Element {
  readonly key: Expr;
  readonly position: Expr;
}

/** Must y come before x by their keys? `same`: are these equal? */
function order(q: Sorting, line: Expr, y: Element, x: Element): { readonly before: Expr; readonly same: Expr } {
  let before: Expr = s.const(0, "bool"),
    same: Expr = s.const(1, "bool");
  const inside = (e: Element): Expr => arith("min", e.position, int(q.n - 1));
  q.keys.forEach((key, k) => {
    const of = (e: Element): Expr => (k === 0 ? e.key : key(line, inside(e))),
      [low, high] = q.descending ? [of(x), of(y)] : [of(y), of(x)];
    const nan = (e: Expr): Expr => s.unary("isNan", e),
      float = isFloat(low.dtype);
    const smaller = s.compare("lt", low, high),
      equal = s.compare("eq", low, high);
    const first = float ? s.binary("or", smaller, s.binary("and", nan(high), s.unary("not", nan(low)))) : smaller;
    before = k === 0 ? first : s.binary("or", before, s.binary("and", same, first));
    const tie = float ? s.binary("or", equal, s.binary("and", nan(low), nan(high))) : equal;
    same = k === 0 ? tie : s.binary("and", same, tie);
  });
  return { before, same };
}
/** Elements in two arrays of shared memory. */
class Shared {
  readonly keys: number;
  readonly positions: number;
  private readonly dtype: DType;
  constructor(b: TileBuilder, dtype: DType, elements: number) {
    this.dtype = dtype;
    this.keys = b.memory("shared", dtype, elements);
    this.positions = b.memory("shared", "i32", elements);
  }
  at(i: Expr): Element {
    return { key: load(this.keys, this.dtype, i), position: load(this.positions, "i32", i) };
  }
  put(i: Expr, { key, position }: Element): TiledStmt[] {
    return [
      { kind: "store", buf: this.keys, index: i, value: key },
      { kind: "store", buf: this.positions, index: i, value: position },
    ];
  }
}
const name = (label: string, value: Expr, out: TiledStmt[]): ExprVar => {
  const v = exprVar(label, value.dtype);
  out.push({ kind: "let", v, value });
  return v;
};
/** Elements of a block that fits into shared memory. */
function blockOf(q: Sorting, target: TileTarget): number {
  const bytes = 4 + (keyOf(q) === "f64" ? 8 : 4);
  let block = LARGEST;
  while (block * bytes + 8 > target.sharedBytes) block /= 2;
  return block;
}
const keyOf = (q: Sorting): DType => q.keys[0]?.(int(0), int(0)).dtype ?? "i32";

/** The launches of a sort. */
export function sortLaunches(q: Sorting, target: TileTarget): readonly Tiled[] {
  const block = blockOf(q, target),
    first = blocks(q, block, target);
  if (q.n <= block) return [first];
  const memory = first.workspace.map((_, i) => q.params.length + i) as [number, number, number, number], // four workspaces
    out: Tiled[] = [first];
  let from: readonly [number, number] = [memory[0], memory[1]],
    to: readonly [number, number] = [memory[2], memory[3]];
  for (let width = block; width < q.n; width *= 2) {
    out.push(merged(q, first.kernel.params, block, width, from, to, target));
    [from, to] = [to, from];
  }
  return out;
}

/** Each block sorted: into the sink where a line is one block, else into the first two of four workspaces (keys and positions, twice). */
function blocks(q: Sorting, block: number, target: TileTarget): Tiled {
  const b = new TileBuilder(),
    { lines, n } = q,
    size = Math.min(block, Math.max(2, powerOfTwo(n))),
    each = Math.max(1, Math.min(block / 2, 2 * target.group) / size),
    count = size * each,
    threads = Math.max(1, Math.min(THREADS, target.threads, count / 2));
  const perLine = Math.ceil(n / size),
    total = lines * perLine,
    one = perLine === 1,
    dtype = keyOf(q);
  const workspace = one ? [] : [0, 1].flatMap(() => [b.memory("workspace", dtype, lines * n), b.memory("workspace", "i32", lines * n)]),
    shared = new Shared(b, dtype, count);
  /** The line and the position of element e of the group, and whether it exists. */
  const where = (e: Expr): { readonly line: Expr; readonly position: Expr; readonly inside: Expr } => {
    const number = arith("add", arith("mul", b.group, int(each)), arith("div", e, int(size))),
      line = arith("div", number, int(perLine)),
      position = arith("add", arith("mul", arith("rem", number, int(perLine)), int(size)), arith("rem", e, int(size)));
    return {
      line: arith("min", line, int(lines - 1)),
      position,
      inside: s.binary("and", less(number, int(total)), less(position, int(n))),
    };
  };
  const fetch = dealtOut(b, threads, count, e => {
    const { line, position } = where(e),
      key = q.keys[0]?.(line, arith("min", position, int(n - 1))) ?? int(0);
    return shared.put(e, { key, position });
  });
  const stage = exprVar("stage", "i32"),
    step = exprVar("step", "i32"),
    width = exprVar("width", "i32"),
    gap = exprVar("gap", "i32");
  const compare = dealtOut(b, threads, count / 2, c => {
    const out: TiledStmt[] = [],
      low = s.binary("and", c, arith("sub", gap, int(1))),
      i = name("i", arith("sub", arith("mul", c, int(2)), low), out),
      j = name("j", arith("add", i, gap), out);
    const [xk, xp, yk, yp] = [shared.at(i), shared.at(j)].flatMap(({ key, position }) => [
      name("key", key, out),
      name("position", position, out),
    ]) as [Expr, Expr, Expr, Expr]; // two of two
    const x: Element = { key: xk, position: xp },
      y: Element = { key: yk, position: yp };
    const { before, same } = order(q, where(i).line, y, x),
      earlier = s.binary("or", before, s.binary("and", same, less(yp, xp)));
    // positions beyond the line come last
    const yFirst = s.select(less(yp, int(n)), s.binary("or", s.unary("not", less(xp, int(n))), earlier), s.const(0, "bool")),
      rising = s.compare("eq", s.binary("and", arith("rem", i, int(size)), width), int(0));
    const beyond = s.binary("and", s.unary("not", less(yp, int(n))), s.unary("not", less(xp, int(n)))),
      first = name("first", s.select(beyond, less(yp, xp), yFirst), out);
    out.push(
      when(s.binary("or", s.binary("and", first, rising), s.unary("not", s.binary("or", first, rising))), [
        ...shared.put(i, y),
        ...shared.put(j, x),
      ]),
    );
    return out;
  });
  const network: TiledStmt[] = [
    { kind: "let", v: width, value: int(2) },
    {
      kind: "for",
      v: stage,
      begin: int(0),
      end: int(Math.log2(size)),
      body: [
        { kind: "let", v: gap, value: arith("div", width, int(2)) },
        {
          kind: "for",
          v: step,
          begin: int(0),
          end: arith("add", stage, int(1)),
          body: [{ kind: "barrier" }, ...compare, { kind: "set", v: gap, value: arith("div", gap, int(2)) }],
        },
        { kind: "set", v: width, value: arith("mul", width, int(2)) },
      ],
    },
    { kind: "barrier" },
  ];
  const keep = dealtOut(b, threads, count, e => {
    const { line, position, inside } = where(e),
      { key, position: from } = shared.at(e),
      at = arith("add", arith("mul", line, int(n)), position);
    return [
      when(
        inside,
        one
          ? q.sink(line, position, from, key)
          : [
              { kind: "store", buf: workspace[0] as number, index: at, value: key }, // four
              { kind: "store", buf: workspace[1] as number, index: at, value: from }, // as many as are used here
            ],
      ),
    ];
  });
  return b.finish(q.name, q.params, threads, Math.ceil(total / each), [...fetch, ...network, ...keep]);
}

/** Runs of `width` merged in pairs: `from` and `to` are keys and positions; the last time the sink takes them. */
function merged(
  q: Sorting,
  params: readonly KernelParam[],
  block: number,
  width: number,
  from: readonly [number, number],
  to: readonly [number, number],
  target: TileTarget,
): Tiled {
  const b = new TileBuilder(),
    { lines, n } = q,
    threads = Math.min(THREADS, target.threads),
    tiles = Math.ceil(n / block),
    dtype = params[from[0]]?.dtype ?? "i32",
    last = 2 * width >= n;
  const shared = new Shared(b, dtype, block),
    splits = b.memory("shared", "i32", 2),
    out: TiledStmt[] = [];
  const line = name("line", arith("div", b.group, int(tiles)), out),
    start = name("start", arith("mul", arith("rem", b.group, int(tiles)), int(block)), out),
    base = name("base", arith("mul", arith("div", start, int(2 * width)), int(2 * width)), out);
  const least = (x: Expr, y: Expr): Expr => arith("min", x, y),
    most = (x: Expr, y: Expr): Expr => s.binary("max", x, y);
  const left = name("left", least(int(width), arith("sub", int(n), base)), out),
    right = name("right", most(int(0), least(int(width), arith("sub", arith("sub", int(n), base), int(width)))), out);
  const begin = name("begin", arith("sub", start, base), out),
    end = name("end", least(arith("add", begin, int(block)), arith("add", left, right)), out);
  const element = (at: Expr): Element => {
    const i = arith("add", arith("mul", line, int(n)), arith("add", base, at));
    return { key: load(from[0], dtype, i), position: load(from[1], "i32", i) };
  };
  const lo = exprVar("lo", "i32"),
    hi = exprVar("hi", "i32"),
    middle = exprVar("middle", "i32");
  /** Bisection: `lo` becomes the first number in [from, to) for which `right` does not hold. */
  const bisect = (first: Expr, beyond: Expr, names: readonly TiledStmt[], goes: Expr): TiledStmt[] => [
    { kind: "let", v: lo, value: first },
    { kind: "let", v: hi, value: beyond },
    {
      kind: "while",
      cond: less(lo, hi),
      body: [
        { kind: "let", v: middle, value: arith("div", arith("add", lo, hi), int(2)) },
        ...names,
        {
          kind: "if",
          cond: goes,
          yes: [{ kind: "set", v: lo, value: arith("add", middle, int(1)) }],
          no: [{ kind: "set", v: hi, value: middle }],
        },
      ],
    },
  ];
  const named = (e: Element, into: TiledStmt[]): Element => ({
    key: name("key", e.key, into),
    position: name("position", e.position, into),
  });
  // how many of the left run are among the first `begin` (thread 0), or `end` (thread 1), of the result
  const which: TiledStmt[] = [],
    count = name("count", s.select(s.compare("eq", b.lane, int(0)), begin, end), which),
    compared: TiledStmt[] = [];
  const x = named(element(middle), compared),
    y = named(element(arith("add", int(width), arith("sub", arith("sub", count, int(1)), middle))), compared);
  which.push(
    ...bisect(most(int(0), arith("sub", count, right)), least(count, left), compared, s.unary("not", order(q, line, y, x).before)),
    { kind: "store", buf: splits, index: b.lane, value: lo },
  );
  out.push(when(less(b.lane, int(2)), which), { kind: "barrier" });
  const a0 = name("a0", load(splits, "i32", int(0)), out),
    fromLeft = name("fromLeft", arith("sub", load(splits, "i32", int(1)), a0), out),
    total = name("total", arith("sub", end, begin), out),
    fromRight = name("fromRight", arith("sub", total, fromLeft), out);
  out.push(
    ...dealtOut(b, threads, block, e => {
      const at = s.select(
        less(e, fromLeft),
        arith("add", a0, e),
        arith("add", int(width), arith("add", arith("sub", begin, a0), arith("sub", e, fromLeft))),
      );
      return [when(less(e, total), shared.put(e, element(at)))];
    }),
    { kind: "barrier" },
    ...dealtOut(b, threads, block, e => {
      const list: TiledStmt[] = [],
        isLeft = name("isLeft", less(e, fromLeft), list);
      const mine = named(shared.at(e), list),
        there: TiledStmt[] = [],
        theirs = named(shared.at(arith("add", middle, s.select(isLeft, fromLeft, int(0)))), there);
      const pick = (k: "key" | "position", ofLeft: boolean): Expr =>
          s.select(isLeft, ofLeft ? mine[k] : theirs[k], ofLeft ? theirs[k] : mine[k]),
        l: Element = { key: pick("key", true), position: pick("position", true) },
        r: Element = { key: pick("key", false), position: pick("position", false) };
      const rightFirst = name("rightFirst", order(q, line, r, l).before, there);
      list.push(
        ...bisect(
          int(0),
          s.select(isLeft, fromRight, fromLeft),
          there,
          s.compare("eq", s.convert(rightFirst, "i32"), s.convert(isLeft, "i32")),
        ),
      );
      const at = arith("add", start, arith("add", s.select(isLeft, e, arith("sub", e, fromLeft)), lo)),
        index = arith("add", arith("mul", line, int(n)), at);
      list.push(
        ...(last
          ? q.sink(line, at, mine.position, mine.key)
          : [
              { kind: "store", buf: to[0], index, value: mine.key } as const,
              { kind: "store", buf: to[1], index, value: mine.position } as const,
            ]),
      );
      return [when(less(e, total), list)];
    }),
  );
  return b.finish(`${q.name}_merge_${width}`, params, threads, lines * tiles, out);
}

/** A sort of whole tensors: the launches of the kernel. */
export function sortTile(k: FormKernel, target: TileTarget): readonly Tiled[] {
  if (k.form.form !== "sort") return [];
  const { axis, keys, descending } = k.form,
    { count, n, place } = linesAlong(k.outs[0]?.shape ?? [], axis);
  return sortLaunches(
    {
      name: k.name,
      params: k.params,
      lines: count,
      n,
      descending,
      keys: k.ins.slice(0, keys).map(x => (line, position) => elementOf(x, place(line, position))),
      sink: (line, at, position) =>
        k.outs.map((o, i): TiledStmt => ({
          kind: "store",
          buf: o.buf,
          index: place(line, at),
          value: s.convert(elementOf(k.ins[i] as BufRef, place(line, position)), o.dtype), // an operand a result
        })),
    },
    target,
  );
}
