// Scans (running folds) along lines. Many lines, or steps that are not associative: a thread a line. Else a line is cut into blocks, a group each, in two launches: what the blocks
// but the last come to, and then each block again, beginning with what those before it come to. A block's threads have a stretch each; what stretches come to is scanned in shared
// memory. Blocks depend on sizes alone, so the order of combining, and with it every bit, does not depend on the card.
import { computeDType, type DType } from "../../../../runtime/dtype.ts";
import { isNarrowFloat } from "../../../../runtime/narrow.ts";
import type { FormKernel } from "../../../ir/kernel.ts";
import { exprVar, scalarOps as s, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { expander } from "../../elementary/expand.ts";
import { interner } from "../../prepare.ts";
import { arith, dealtOut, int, less, load, TileBuilder, when, type Tiled } from "../builder.ts";
import { elementOf, linesAlong, type Lines } from "./lines.ts";
import type { TileTarget } from "../target.ts";

/** Threads of a group, elements of a thread's stretch and of a block; lines that are cut are longer than SHORT, and fewer than MANY where neighbours lie apart. */
const THREADS = 128,
  STRETCH = 8,
  BLOCK = THREADS * STRETCH,
  SHORT = 256,
  MANY = 8192;
/** Where element e of a block lies in shared memory: threads that read with a stride of STRETCH meet no bank twice. */
const padded = (e: Expr): Expr => arith("add", e, arith("div", e, int(32)));

/** A scan as numbers and expressions: `x` is what `first` makes of the element at a position (counted along the walk), `next` continues `before` there. */
interface Scan {
  readonly lines: Lines;
  readonly dtype: DType;
  readonly x: (line: Expr, position: Expr) => Expr;
  readonly next: (before: Expr, line: Expr, position: Expr) => Expr;
  /** Results of neighbouring stretches as one. */
  readonly combine: (y: Expr, z: Expr) => Expr;
  readonly store: (line: Expr, position: Expr, value: Expr) => TiledStmt;
}

/** The launches of a scan; undefined for kernels that are none. */
export function scanTile(k: FormKernel, target: TileTarget): readonly Tiled[] | undefined {
  const { form } = k,
    [out] = k.outs;
  if (form.form !== "scan" || !out) return undefined;
  const lines = linesAlong(out.shape, form.axis),
    { n } = lines,
    dtype = computeDType(out.dtype);
  const share = interner(),
    expand = expander(target),
    ready = (e: Expr): Expr => share(expand(dtype === out.dtype ? e : s.convert(s.convert(e, out.dtype), dtype))); // rounded as if it had been in memory
  const place = (line: Expr, position: Expr): Expr => lines.place(line, form.reverse ? arith("sub", int(n - 1), position) : position),
    xs = (line: Expr, position: Expr): Expr[] => k.ins.map(x => elementOf(x, place(line, position)));
  const scan: Scan = {
    lines,
    dtype,
    x: (line, position) => ready(form.first(s, xs(line, position))),
    next: (before, line, position) => ready(form.next(s, before, xs(line, position))),
    combine: (y, z) => ready(form.next(s, y, [z])),
    store: (line, position, value) => ({ kind: "store", buf: out.buf, index: place(line, position), value: s.convert(value, out.dtype) }),
  };
  const fits = target.threads >= THREADS && target.sharedBytes >= (dtype === "f64" ? 8 : 4) * (BLOCK + BLOCK / 32 + THREADS);
  // narrow floats are rounded at every step: other orders would be other results
  const cut = form.associative && !isNarrowFloat(out.dtype) && n > SHORT && (lines.stride === 1 || lines.count < MANY) && fits;
  return cut ? blocks(k, scan) : [threadEach(k, scan, target)];
}

/** A thread a line. */
function threadEach(k: FormKernel, { lines, dtype, x, next, store }: Scan, target: TileTarget): Tiled {
  const b = new TileBuilder(),
    threads = Math.min(target.group, target.threads),
    line = exprVar("line", "i32"),
    y = exprVar("y", dtype),
    t = exprVar("t", "i32");
  return b.finish(k.name, k.params, threads, Math.ceil(lines.count / threads), [
    { kind: "let", v: line, value: arith("add", arith("mul", b.group, int(threads)), b.lane) },
    when(lines.count % threads === 0 ? undefined : less(line, int(lines.count)), [
      { kind: "let", v: y, value: x(line, int(0)) },
      store(line, int(0), y),
      { kind: "for", v: t, begin: int(1), end: int(lines.n), body: [{ kind: "set", v: y, value: next(y, line, t) }, store(line, t, y)] },
    ]),
  ]);
}

/** What the launches over blocks share: the elements of a block in shared memory, and the scan of a value a thread. */
class Block {
  readonly b: TileBuilder = new TileBuilder();
  readonly line: ExprVar = exprVar("line", "i32");
  readonly piece: ExprVar = exprVar("piece", "i32");
  readonly body: TiledStmt[] = [];
  private readonly scan: Scan;
  private readonly elements: number;
  private readonly totals: number;
  /** Of `pieces` groups a line. */
  constructor(scan: Scan, pieces: number) {
    this.scan = scan;
    this.elements = this.b.memory("shared", scan.dtype, BLOCK + BLOCK / 32);
    this.totals = this.b.memory("shared", scan.dtype, THREADS);
    this.body.push(
      { kind: "let", v: this.line, value: arith("div", this.b.group, int(pieces)) },
      { kind: "let", v: this.piece, value: arith("rem", this.b.group, int(pieces)) },
    );
  }
  /** `body` for each element of the block, neighbouring threads at neighbours. `position`: in the line, beyond its end in the last block. */
  dealt(body: (e: Expr, position: Expr) => readonly TiledStmt[]): void {
    const position = exprVar("position", "i32");
    this.body.push(
      ...dealtOut(this.b, THREADS, BLOCK, e => [
        { kind: "let", v: position, value: arith("add", arith("mul", this.piece, int(BLOCK)), e) },
        ...body(e, position),
      ]),
    );
  }
  /** Running results of this thread's stretch, by themselves. Beyond the line's end they are made of its last element, and nobody uses them. */
  stretch(): readonly ExprVar[] {
    const { scan } = this;
    this.dealt((e, position) => [
      { kind: "store", buf: this.elements, index: padded(e), value: scan.x(this.line, arith("min", position, int(scan.lines.n - 1))) },
    ]);
    this.body.push({ kind: "barrier" });
    const own = Array.from({ length: STRETCH }, (_, i) => exprVar(`y${i}`, scan.dtype));
    own.forEach((v, i) => {
      const x = load(this.elements, scan.dtype, padded(arith("add", arith("mul", this.b.lane, int(STRETCH)), int(i)))),
        before = own[i - 1];
      this.body.push({ kind: "let", v, value: before ? scan.combine(before, x) : x });
    });
    return own;
  }
  /** The scan of `value` over the threads, in shared memory until the next one. */
  over(value: Expr): (thread: Expr) => Expr {
    const { scan, b } = this,
      sum = exprVar("sum", scan.dtype),
      at = (thread: Expr): Expr => load(this.totals, scan.dtype, thread);
    this.body.push({ kind: "let", v: sum, value }, { kind: "barrier" }, { kind: "store", buf: this.totals, index: b.lane, value: sum });
    for (let gap = 1; gap < THREADS; gap *= 2) {
      const inside = s.compare("ge", b.lane, int(gap)),
        before = exprVar("before", scan.dtype);
      this.body.push(
        { kind: "barrier" },
        { kind: "let", v: before, value: at(s.binary("max", arith("sub", b.lane, int(gap)), int(0))) },
        { kind: "barrier" },
        when(inside, [
          { kind: "set", v: sum, value: scan.combine(before, sum) },
          { kind: "store", buf: this.totals, index: b.lane, value: sum },
        ]),
      );
    }
    this.body.push({ kind: "barrier" });
    return at;
  }
  /** Put results where elements were. */
  put(own: readonly Expr[]): void {
    own.forEach((value, i) =>
      this.body.push({
        kind: "store",
        buf: this.elements,
        index: padded(arith("add", arith("mul", this.b.lane, int(STRETCH)), int(i))),
        value,
      }),
    );
    this.body.push({ kind: "barrier" });
  }
  at(e: Expr): Expr {
    return load(this.elements, this.scan.dtype, padded(e));
  }
}

/** The launches over blocks: one where lines are a block each. */
function blocks(k: FormKernel, scan: Scan): readonly Tiled[] {
  const { n, count } = scan.lines,
    pieces = Math.ceil(n / BLOCK);
  if (pieces === 1) return [scanned(k, scan, 1, undefined)];
  const first = new Block(scan, pieces - 1),
    before = first.b.memory("workspace", scan.dtype, count * (pieces - 1)),
    own = first.stretch(),
    through = first.over(own.at(-1) as Expr); // not empty
  first.body.push(
    when(s.compare("eq", first.b.lane, int(0)), [{ kind: "store", buf: before, index: first.b.group, value: through(int(THREADS - 1)) }]),
  );
  const totals = first.b.finish(`${k.name}_totals`, k.params, THREADS, count * (pieces - 1), first.body);
  return [totals, scanned({ ...k, params: totals.kernel.params }, scan, pieces, k.params.length)];
}
/** Each block's results. `before`: the buffer of what the blocks of a line but the last come to, in order. */
function scanned(k: FormKernel, scan: Scan, pieces: number, before: number | undefined): Tiled {
  const block = new Block(scan, pieces),
    { b, line, piece, body } = block,
    { dtype, lines } = scan;
  let left: Expr | undefined;
  if (before !== undefined) {
    // a stretch of the blocks before is a thread's; in the first block, and beyond, it is of no use
    const each = exprVar("each", "i32"),
      some = exprVar("some", dtype),
      from = exprVar("from", "i32"),
      p = exprVar("p", "i32"),
      total = (at: Expr): Expr => load(before, dtype, arith("add", arith("mul", line, int(pieces - 1)), arith("min", at, int(pieces - 2))));
    body.push(
      { kind: "let", v: each, value: s.binary("max", arith("div", arith("add", piece, int(THREADS - 1)), int(THREADS)), int(1)) },
      { kind: "let", v: from, value: arith("mul", b.lane, each) },
      { kind: "let", v: some, value: total(from) },
      {
        kind: "for",
        v: p,
        begin: arith("add", from, int(1)),
        end: arith("min", arith("add", from, each), piece),
        body: [{ kind: "set", v: some, value: scan.combine(some, total(p)) }],
      },
    );
    const through = block.over(some),
      last = arith("div", arith("sub", piece, int(1)), each),
      v = exprVar("left", dtype);
    body.push({ kind: "let", v, value: through(s.binary("max", last, int(0))) });
    left = v;
  }
  const own = block.stretch(),
    through = block.over(own.at(-1) as Expr), // not empty
    inner = exprVar("inner", dtype),
    isFirst = s.compare("eq", b.lane, int(0));
  body.push({ kind: "let", v: inner, value: through(s.binary("max", arith("sub", b.lane, int(1)), int(0))) });
  block.put(
    own.map(y => {
      const here = s.select(isFirst, y, scan.combine(inner, y));
      return left ? s.select(s.compare("eq", piece, int(0)), here, scan.combine(left, here)) : here;
    }),
  );
  block.dealt((e, position) => [
    when(lines.n % BLOCK === 0 ? undefined : less(position, int(lines.n)), [scan.store(line, position, block.at(e))]),
  ]);
  return b.finish(k.name, k.params, THREADS, lines.count * pieces, body);
}
