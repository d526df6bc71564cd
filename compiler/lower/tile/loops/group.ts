// Loop kernels whose items are large: a group an item. Parallel loops and folds are dealt out over the threads, a turn in every so many; a fold's parts meet by shuffles and
// in shared memory, always in the same order; what stands between loops every thread computes for itself. Scratch that each thread only meets its own part of is variables.
import { InternalError, unreachable } from "../../../../runtime/errors/error.ts";
import type { LoopKernel, Stmt } from "../../../ir/kernel.ts";
import { exprVar, scalarOps, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { arith, int, less, load, scoped, TileBuilder, when, type Tiled } from "../builder.ts";
import { accessesOf, dealtLoops, type Dealt, type Places } from "./dealt.ts";
import { Hazards, type Access } from "./hazards.ts";
import type { Items } from "../items.ts";
import { accumulate, foldStart, foldTurn, mapTiled, sequential, type FoldStmt } from "../statements.ts";
import { powerOfTwo, type TileTarget } from "../target.ts";
import { mapIndices } from "./threads.ts";

/** Most turns of a thread whose scratch is variables: such loops are written out. Most partial results that every thread combines for itself. */
const UNROLL = 8,
  FEW = 4;
/** Turns that a thread should have of an item's longest loop; most threads of a group, and of one of a few, which have a processor each. */
const TURNS = 4,
  WIDEST = 256,
  ALONE = 32,
  WIDEST_ALONE = 1024;

/** A group for each item. */
export function groupTile(k: LoopKernel, items: Items, target: TileTarget): Tiled {
  const longest = Math.max(1, ...dealtLoops(items.body).map(({ n }) => n ?? 4 * target.group));
  const wide = items.extent <= ALONE ? WIDEST_ALONE : WIDEST,
    most = target.software && target.subgroup > 1 ? target.subgroup : wide; // where a barrier is dear, none
  const threads = Math.min(target.threads, most, Math.max(target.subgroup, powerOfTwo(Math.ceil(longest / TURNS))));
  return new GroupTiler(k, items, target, threads).tile();
}

class GroupTiler {
  private readonly k: LoopKernel;
  private readonly items: Items;
  private readonly target: TileTarget;
  private readonly threads: number;
  private readonly b = new TileBuilder();
  /** Scratch that is variables, one for each turn of its loops; the buffer number of any other. */
  private readonly scratch = new Map<number, readonly ExprVar[] | number>();
  private readonly apart = new Set<number>();
  private readonly places: Places;
  private readonly partials = new Map<FoldStmt, readonly number[]>();
  private hazards = new Hazards();

  constructor(k: LoopKernel, items: Items, target: TileTarget, threads: number) {
    this.k = k;
    this.items = items;
    this.target = target;
    this.threads = threads;
    this.places = { kernel: k, items, threads };
    k.scratch.forEach((s, i) => {
      const buf = k.params.length + i,
        owners = new Set(
          accessesOf(items.body, this.places)
            .filter(a => a.buf === buf)
            .map(a => a.owner),
        ),
        loops = dealtLoops(items.body).filter(l => l.buffers.has(buf));
      const turns = Math.max(0, ...loops.map(l => (l.n === undefined ? Infinity : Math.ceil(l.n / threads))));
      if (owners.size === 1 && !owners.has("") && turns <= UNROLL) {
        this.scratch.set(
          buf,
          Array.from({ length: turns }, () => exprVar("kept", s.dtype)),
        );
        return;
      }
      const bytes = s.elements * (s.dtype === "f64" ? 8 : 4),
        fits = this.b.sharedBytes + bytes <= this.target.sharedBytes - 4096; // room for folds
      if (!fits) this.apart.add(buf);
      this.scratch.set(buf, this.b.memory(fits ? "shared" : "workspace", s.dtype, s.elements * (fits ? 1 : items.extent)));
    });
  }
  tile(): Tiled {
    const { k, items, b } = this;
    const variables = [...this.scratch.values()]
      .flatMap(x => (typeof x === "number" ? [] : x))
      .map((v): TiledStmt => ({ kind: "let", v, value: scalarOps.const(0, v.dtype) }));
    const body = this.inMemory(this.block(items.body));
    return b.finish(k.name, k.params, this.threads, items.extent, [{ kind: "let", v: items.v, value: b.group }, ...variables, ...body]);
  }
  /** Scratch that is not variables gets its buffer; in the workspace each group has a part. */
  private inMemory(body: readonly TiledStmt[]): TiledStmt[] {
    const moved = mapIndices(body, (buf, at) =>
      this.apart.has(buf)
        ? arith("add", arith("mul", this.b.group, int(this.k.scratch[buf - this.k.params.length]?.elements ?? 0)), at)
        : at,
    );
    return mapTiled(moved, {
      buf: buf => {
        const to = this.scratch.get(buf);
        return typeof to === "number" ? to : buf;
      },
    });
  }

  private block(stmts: readonly Stmt[]): TiledStmt[] {
    return stmts.flatMap(s => this.statement(s));
  }
  /** What all threads do together. */
  private statement(s: Stmt): TiledStmt[] {
    switch (s.kind) {
      case "let":
      case "set":
        return [...this.meet([s]), s];
      case "store":
        return [...this.meet([s]), when(scalarOps.compare("eq", this.b.lane, int(0)), [s])];
      case "for":
        return s.parallel ? [...this.meet([s]), ...this.deal(s, () => sequential(s.body))] : this.serial(s);
      case "fold":
        return [...this.meet([s]), ...this.fold(s)];
      case "while":
      case "if":
        throw new InternalError(`${this.k.name}: threads of a group cannot part at a ${s.kind}`);
      default:
        return unreachable(s);
    }
  }
  private meet(stmts: readonly Stmt[]): TiledStmt[] {
    return this.wait(accessesOf(stmts, this.places).filter(a => this.shares(a.buf)));
  }
  private wait(accesses: readonly Access[]): TiledStmt[] {
    return this.hazards.meet(accesses) ? [{ kind: "barrier" }] : [];
  }
  private shares(buf: number): boolean {
    return typeof (this.scratch.get(buf) ?? 0) === "number";
  }
  /** A loop that runs in order, its turns together. What is open at its end is open at the start of its next turn. */
  private serial(s: Extract<Stmt, { kind: "for" }>): TiledStmt[] {
    const before = this.hazards.accesses;
    this.block(s.body);
    this.hazards = new Hazards([...before, ...this.hazards.accesses]);
    return [{ kind: "for", v: s.v, begin: s.begin, end: s.end, body: this.block(s.body) }];
  }

  /** `turn` for each value of the loop's variable, dealt out over the threads. */
  private deal(s: Dealt, turn: () => readonly TiledStmt[]): TiledStmt[] {
    const { threads, b } = this,
      n = s.begin.kind === "const" && s.end.kind === "const" ? s.end.value - s.begin.value : undefined,
      start = arith("add", s.begin, b.lane);
    const turns = n === undefined ? undefined : Math.max(0, Math.ceil(n / threads));
    if (turns !== undefined && n !== undefined && (turns <= 1 || this.keeps(s)))
      return Array.from({ length: turns }, (_, t) => {
        const v: TiledStmt = { kind: "let", v: s.v, value: arith("add", start, int(t * threads)) },
          body = this.withKept(turn(), t);
        return scoped([v, when((t + 1) * threads > n ? less(s.v, s.end) : undefined, body)]);
      });
    const k = exprVar("turn", "i32"),
      span = arith("sub", s.end, s.begin),
      count = turns === undefined ? arith("div", arith("add", span, int(threads - 1)), int(threads)) : int(turns);
    return [
      {
        kind: "for",
        v: k,
        begin: int(0),
        end: count,
        body: [
          { kind: "let", v: s.v, value: arith("add", start, arith("mul", k, int(threads))) },
          when(n !== undefined && n % threads === 0 ? undefined : less(s.v, s.end), turn()),
        ],
      },
    ];
  }
  private keeps(s: Dealt): boolean {
    return [...(dealtLoops([s as Stmt])[0]?.buffers ?? [])].some(b => !this.shares(b));
  } // a dealt loop is a statement
  /** Scratch that is variables: loads and stores of turn `t` are its variable. */
  private withKept(body: readonly TiledStmt[], t: number): TiledStmt[] {
    const kept = (buf: number): ExprVar | undefined => {
      const x = this.scratch.get(buf);
      return typeof x === "object" ? x[t] : undefined;
    };
    const stores = (list: readonly TiledStmt[]): TiledStmt[] =>
      list.flatMap((s): TiledStmt[] => {
        switch (s.kind) {
          case "store": {
            const v = kept(s.buf);
            return v ? [s.guard ? when(s.guard, [{ kind: "set", v, value: s.value }]) : { kind: "set", v, value: s.value }] : [s];
          }
          case "for":
          case "while":
            return [{ ...s, body: stores(s.body) }];
          case "if":
            return [{ ...s, yes: stores(s.yes), no: stores(s.no) }];
          default:
            return [s];
        }
      });
    return stores(
      mapTiled(body, {
        load: e => {
          const v = kept(e.buf);
          return v === undefined ? e : e.guard ? scalarOps.select(e.guard, v, e.otherwise ?? scalarOps.const(0, v.dtype)) : v;
        },
      }),
    );
  }

  private fold(s: FoldStmt): TiledStmt[] {
    return [...foldStart(s), ...this.deal(s, () => foldTurn(s)), ...this.gather(s)];
  }
  /** Every thread's accumulators combined, the result in all of them. */
  private gather(s: FoldStmt): TiledStmt[] {
    const accs = s.folds.map(f => f.acc),
      lanes = Math.min(this.target.subgroup, this.threads),
      parts = this.threads / lanes,
      out: TiledStmt[] = [];
    for (let mask = lanes / 2; mask >= 1; mask /= 2) {
      const others = accs.map(v => exprVar("other", v.dtype));
      out.push(
        scoped([
          ...accs.map((v, k): TiledStmt => ({ kind: "shuffle", into: others[k] as ExprVar, value: v, mask })),
          ...accumulate(s, accs, others),
        ]),
      ); // one each
    }
    if (parts === 1) return out;
    const { b } = this,
      shared = this.partialsOf(s),
      put = (at: Expr, values: readonly Expr[]): TiledStmt[] =>
        values.map((value, k) => ({ kind: "store", buf: shared[k] as number, index: at, value })); // one each
    const all = (write: boolean): Access[] => shared.map(m => ({ memory: `m${m}`, owner: "", write }));
    const at = (i: Expr): Expr[] => accs.map((v, k) => load(shared[k] as number, v.dtype, i)); // one each
    const first = lanes === 1 ? b.lane : arith("div", b.lane, int(lanes)),
      mine = accs.map(v => exprVar("mine", v.dtype));
    out.push(
      ...this.wait(all(true)),
      when(lanes === 1 ? undefined : scalarOps.compare("eq", arith("rem", b.lane, int(lanes)), int(0)), put(first, accs)),
    );
    let left = parts;
    for (; left > FEW; left /= 2) {
      out.push(
        { kind: "barrier" },
        when(less(b.lane, int(left / 2)), [
          ...mine.map((v, k): TiledStmt => ({ kind: "let", v, value: at(b.lane)[k] as Expr })),
          ...accumulate(s, mine, at(arith("add", b.lane, int(left / 2)))),
          ...put(b.lane, mine),
        ]),
      ); // one each
    }
    this.hazards.clear();
    this.hazards.meet(all(false));
    out.push({ kind: "barrier" }, ...accs.map((v, k): TiledStmt => ({ kind: "set", v, value: at(int(0))[k] as Expr }))); // one each
    for (let q = 1; q < left; q++) out.push(...accumulate(s, accs, at(int(q))));
    return out;
  }
  private partialsOf(s: FoldStmt): readonly number[] {
    let known = this.partials.get(s);
    if (!known)
      this.partials.set(
        s,
        (known = s.folds.map(f => this.b.memory("shared", f.acc.dtype, this.threads / Math.min(this.target.subgroup, this.threads)))),
      );
    return known;
  }
}
