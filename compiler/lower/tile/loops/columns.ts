// Folds whose neighbours read neighbouring memory (`Grid.adjacent`): a group takes some items side by side, and a few threads share the turns of each. Their parts meet in shared
// memory, always in the same order.
import type { LoopKernel, Stmt } from "../../../ir/kernel.ts";
import { exprVar, scalarOps, type Expr } from "../../../ir/scalar.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { arith, int, less, load, TileBuilder, when, type Tiled } from "../builder.ts";
import type { Items } from "../items.ts";
import { accumulate, foldStart, foldTurn, sequential, type FoldStmt } from "../statements.ts";
import { powerOfTwo, type TileTarget } from "../target.ts";

/** Items side by side, and threads that share one at most: as many as make FILL threads in all, each with TURNS turns or more. */
const ACROSS = 32,
  SHARERS = 32,
  FILL = 131072,
  TURNS = 4;

/** The one fold of an item, with what stands around it. */
function onlyFold({
  body,
}: Items): { readonly before: readonly Stmt[]; readonly fold: FoldStmt; readonly after: readonly Stmt[] } | undefined {
  const at = body.findIndex(s => s.kind === "fold"),
    fold = body[at];
  if (fold?.kind !== "fold") return undefined;
  const before = body.slice(0, at),
    after = body.slice(at + 1);
  return before.every(s => s.kind === "let") && after.every(s => s.kind === "let" || s.kind === "store")
    ? { before, fold, after }
    : undefined;
}

/** A thread, or a few, for each item, those of neighbours side by side. Undefined for kernels of another form. */
export function columnsTile(k: LoopKernel, items: Items, target: TileTarget): Tiled | undefined {
  const found = k.grid.adjacent === true && k.scratch.length === 0 ? onlyFold(items) : undefined;
  if (!found || found.fold.begin.kind !== "const" || found.fold.end.kind !== "const") return undefined;
  const { before, fold, after } = found,
    { extent } = items,
    begin = found.fold.begin.value,
    n = Math.max(0, found.fold.end.value - begin);
  const b = new TileBuilder(),
    most = Math.min(
      SHARERS,
      Math.floor(target.threads / ACROSS),
      powerOfTwo(Math.ceil(n / TURNS)),
      powerOfTwo(Math.ceil(FILL / Math.max(1, extent))),
    ),
    bytes = fold.folds.reduce((sum, { acc }) => sum + (acc.dtype === "f64" ? 8 : 4), 0);
  let sharers = target.software ? 1 : Math.max(1, most); // where a barrier is dear, none
  while (sharers > 1 && sharers * ACROSS * bytes > target.sharedBytes) sharers /= 2;
  const across = target.software ? Math.max(1, target.subgroup) : sharers > 1 ? ACROSS : Math.min(target.group, target.threads),
    threads = across * sharers;
  const column = sharers === 1 ? b.lane : arith("rem", b.lane, int(across)),
    own = sharers === 1 ? int(0) : arith("div", b.lane, int(across));
  const at = arith("add", arith("mul", b.group, int(across)), column),
    whole = extent % across === 0,
    inside = whole ? undefined : less(at, int(extent)),
    turn = exprVar("turn", "i32");
  const accs = fold.folds.map(f => f.acc),
    shared = sharers === 1 ? [] : accs.map(v => b.memory("shared", v.dtype, threads));
  const put: TiledStmt[] = accs.map((value, i) => ({ kind: "store", buf: shared[i] as number, index: b.lane, value })); // one each
  const meet: TiledStmt[] = sharers === 1 ? [] : [...put];
  for (let left = sharers / 2; left >= 1; left /= 2) {
    const other = accs.map((v, i): Expr => load(shared[i] as number, v.dtype, arith("add", b.lane, int(left * across)))); // one each
    meet.push({ kind: "barrier" }, when(less(own, int(left)), [...accumulate(fold, accs, other), ...(left > 1 ? put : [])]));
  }
  const rest = sequential(after),
    first = sharers === 1 ? undefined : scalarOps.compare("eq", own, int(0)),
    mine = first && inside ? scalarOps.binary("and", first, inside) : (first ?? inside);
  return b.finish(k.name, k.params, threads, Math.ceil(extent / across), [
    { kind: "let", v: items.v, value: whole ? at : arith("min", at, int(Math.max(0, extent - 1))) },
    ...sequential(before),
    ...foldStart(fold),
    {
      kind: "for",
      v: turn,
      begin: int(0),
      end: int(Math.ceil(n / sharers)),
      body: [
        { kind: "let", v: fold.v, value: arith("add", arith("add", arith("mul", turn, int(sharers)), own), int(begin)) },
        when(n % sharers === 0 ? undefined : less(fold.v, fold.end), foldTurn(fold)),
      ],
    },
    ...meet,
    when(mine, rest),
  ]);
}
