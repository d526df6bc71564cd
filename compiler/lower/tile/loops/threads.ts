// Loop kernels whose items are small: a thread an item (author's loops, short rows), or a thread an element where an item is one parallel loop; several elements where threads are
// turns of a CPU.
import type { LoopKernel, Scratch, Stmt } from "../../../ir/kernel.ts";
import { byteSize } from "../../../../runtime/dtype.ts";
import { exprVar, type Expr, type ExprVar } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { arith, int, less, TileBuilder, when, type Tiled } from "../builder.ts";
import type { Items } from "../items.ts";
import { once, type Simple } from "./once.ts";
import { mapTiled, sequential } from "../statements.ts";
import type { TileTarget } from "../target.ts";

/** Scratch that a thread keeps to itself, bytes; more than that is global memory. Most threads in flight where scratch is global. */
const LOCAL = 512,
  IN_FLIGHT = 16384;
/** Threads of a CPU's group; how many elements one takes, as far as there are enough groups then. */
const NEIGHBOURS = 8,
  TURNS = [64, 8],
  FEWEST = 4;
type Loop = Extract<Stmt, { kind: "for" }>;

/** The one parallel loop that an item is, after what only names values; its bounds are numbers and its turns hold no such loop. Undefined for other items. */
export function elementLoop({
  body,
}: Items): { readonly before: readonly Stmt[]; readonly loop: Loop; readonly begin: number; readonly n: number } | undefined {
  const last = body.at(-1),
    before = body.slice(0, -1);
  if (
    last?.kind !== "for" ||
    !last.parallel ||
    last.begin.kind !== "const" ||
    last.end.kind !== "const" ||
    !before.every(s => s.kind === "let")
  )
    return undefined;
  return last.body.every(s => s.kind === "let" || s.kind === "store")
    ? { before, loop: last, begin: last.begin.value, n: Math.max(0, last.end.value - last.begin.value) }
    : undefined;
}

/** A thread for each element of each item. */
export function elementTile(k: LoopKernel, items: Items, target: TileTarget): Tiled | undefined {
  const found = k.scratch.length === 0 ? elementLoop(items) : undefined;
  if (!found) return undefined;
  const { before, loop, begin, n } = found,
    t = exprVar("at", "i32");
  const item = n === 0 || items.extent === 1 ? int(0) : arith("div", t, int(n)),
    place = arith("add", n === 0 ? int(0) : items.extent === 1 ? t : arith("rem", t, int(n)), int(begin));
  const body = [
    { kind: "let", v: items.v, value: item } as const,
    { kind: "let", v: loop.v, value: place } as const,
    ...sequential([...before, ...loop.body]).filter(isSimple), // elementLoop has seen that all are
  ];
  return target.software === true
    ? inTurns(k, items.extent * n, t, target, body)
    : spread(new TileBuilder(), k, items.extent * n, t, target, body);
}
/** `body` for `extent` values of `v`, several for a thread: groups of neighbours, one of which follows the other. */
function inTurns(k: LoopKernel, extent: number, v: ExprVar, target: TileTarget, body: readonly Simple[]): Tiled {
  const b = new TileBuilder(),
    threads = Math.min(target.threads, Math.max(NEIGHBOURS, target.subgroup)),
    turns = TURNS.find(n => extent >= FEWEST * n * threads) ?? 1,
    unit = threads * turns,
    turn = exprVar("turn", "i32"),
    first = arith("add", arith("mul", b.group, int(unit)), b.lane),
    { before, each } = once(body, v);
  const one = (at: Expr): TiledStmt[] => [
    { kind: "let", v, value: at },
    when(extent % unit === 0 ? undefined : less(v, int(extent)), each),
  ];
  return b.finish(k.name, k.params, threads, Math.ceil(extent / unit), [
    ...before,
    ...(turns === 1
      ? one(first)
      : [
          {
            kind: "for",
            v: turn,
            begin: int(0),
            end: int(turns),
            body: one(arith("add", first, arith("mul", turn, int(threads)))),
          } as const,
        ]),
  ]);
}

/** A thread for each item, which runs all of its loops. */
export function itemTile(k: LoopKernel, items: Items, target: TileTarget): Tiled {
  const b = new TileBuilder(),
    bytes = k.scratch.reduce((n, s) => n + s.elements * byteSize(s.dtype), 0),
    first = k.params.length;
  if (k.scratch.length === 0) return spread(b, k, items.extent, items.v, target, sequential(items.body));
  const apart = bytes > LOCAL,
    own = exprVar("own", "i32"),
    flight = apart ? Math.min(items.extent, IN_FLIGHT) : items.extent;
  const places = k.scratch.map((s: Scratch) => b.memory(apart ? "workspace" : "local", s.dtype, s.elements * (apart ? flight : 1)));
  const moved = apart ? inWorkspace(sequential(items.body), k, own) : sequential(items.body);
  const body = mapTiled(moved, { buf: at => places[at - first] ?? at });
  if (!apart) return spread(b, k, items.extent, items.v, target, body);
  const turn = exprVar("turn", "i32"),
    at = arith("add", arith("mul", turn, int(flight)), own);
  return spread(b, k, flight, own, target, [
    {
      kind: "for",
      v: turn,
      begin: int(0),
      end: int(Math.ceil(items.extent / Math.max(1, flight))),
      body: [
        { kind: "let", v: items.v, value: at },
        when(items.extent % Math.max(1, flight) === 0 ? undefined : less(items.v, int(items.extent)), body),
      ],
    },
  ]);
}
/** Scratch indices moved to thread `own`'s part of the workspace. */
function inWorkspace(body: readonly TiledStmt[], k: LoopKernel, own: Expr): TiledStmt[] {
  const shift = (buf: number, index: Expr): Expr => {
    const s = k.scratch[buf - k.params.length];
    return s ? arith("add", arith("mul", own, int(s.elements)), index) : index;
  };
  return mapIndices(body, shift);
}
/** Every index into memory replaced, in loads and stores. */
export function mapIndices(body: readonly TiledStmt[], index: (buf: number, at: Expr) => Expr): TiledStmt[] {
  const moved = mapTiled(body, { load: e => ({ ...e, index: index(e.buf, e.index) }) });
  const stores = (list: readonly TiledStmt[]): TiledStmt[] =>
    list.map((s): TiledStmt => {
      switch (s.kind) {
        case "store":
          return { ...s, index: index(s.buf, s.index) };
        case "for":
        case "while":
          return { ...s, body: stores(s.body) };
        case "if":
          return { ...s, yes: stores(s.yes), no: stores(s.no) };
        default:
          return s;
      }
    });
  return stores(moved);
}

const isSimple = (s: TiledStmt): s is Simple => s.kind === "let" || s.kind === "store";
/** `body` for `extent` values of `v`, a thread each. */
function spread(b: TileBuilder, k: LoopKernel, extent: number, v: Items["v"], target: TileTarget, body: readonly TiledStmt[]): Tiled {
  const threads = Math.min(target.group, target.threads),
    groups = Math.ceil(extent / threads);
  const at = arith("add", arith("mul", b.group, int(threads)), b.lane);
  return b.finish(k.name, k.params, threads, groups, [
    { kind: "let", v, value: at },
    when(extent % threads === 0 ? undefined : less(v, int(extent)), body),
  ]);
}
