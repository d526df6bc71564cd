// What a kernel's text depends on as a whole: which variables change, how the heap is declared, which arrays are vectors, and which values WGSL's compiler cannot know to be
// equal in all threads of a group.
import { byteSize, type DType } from "../../../runtime/dtype.ts";
import { operands } from "../../ir/exprs.ts";
import type { Expr } from "../../ir/scalar.ts";
import { isSubgroupStmt } from "../../ir/subgroup_matrix.ts";
import { needsMatrixUnits, type TiledKernel, type TiledStmt } from "../../ir/tiled.ts";
import { expressionsOf, forEachTiled } from "../../lower/tile/statements.ts";
import { carriedHalves } from "./halves.ts";
import type { HeapKind } from "./memory.ts";

/** Facts of one kernel. */
export interface Facts {
  /** Numbers of variables that some `set` changes. */
  readonly changing: ReadonlySet<number>;
  readonly heap: HeapKind;
  /** Elements of a vector in each shared array: 1 where it is read or written singly; of a packed one, as many as the fewest that are. */
  readonly widths: readonly number[];
  /** Numbers of variables that are f16. */
  readonly halves: ReadonlySet<number>;
  /** The dtype of a buffer of the heap, bound ones too. */
  heapDType(buf: number): DType | undefined;
  /** May threads of a group see different values, or WGSL think so? */
  varies(e: Expr): boolean;
  /** Do threads meet inside of this statement? */
  meets(s: TiledStmt): boolean;
}

/** The facts of `k`. */
export function analyse(k: TiledKernel): Facts {
  const changing = new Set<number>(),
    first = k.params.length,
    widths = new Map<number, Set<number>>();
  const reads = new Set<number>(), // bytes of an access to the heap
    writes = new Set<number>();
  const bound = new Map<number, number>(); // buffers that stand for parameters, each for those of one dtype
  forEachTiled(k.body, s => {
    if (s.kind === "bind") for (let j = 0; j < s.count; j++) bound.set(s.buf + j, s.from + j);
  });
  const access = (b: number, width: number, write: boolean): void => {
    const buf = bound.get(b) ?? b,
      known = widths.get(buf);
    if (known) known.add(width);
    else widths.set(buf, new Set([width]));
    if (buf < first) (write ? writes : reads).add(width * byteSize(k.params[buf]?.dtype ?? "f32"));
  };
  const read = (e: Expr): void => {
    if (e.kind === "load") access(e.buf, 1, false);
    operands(e).forEach(read);
  };
  forEachTiled(k.body, s => {
    expressionsOf(s).forEach(read);
    if (s.kind === "set") changing.add(s.v.id);
    else if (s.kind === "store") access(s.buf, 1, true);
    else if (s.kind === "loadVector") access(s.buf, s.into.length, false);
    else if (s.kind === "storeVector") access(s.buf, s.values.length, true);
    else if (s.kind === "loadMatrix" || s.kind === "storeMatrix") access(s.buf, 1, false); // of scalars
  });
  const heapDType = (buf: number): DType | undefined => k.params[bound.get(buf) ?? buf]?.dtype;
  const varying = varyingVariables(k, changing),
    meeting = new Set<TiledStmt>();
  findMeetings(k.body, meeting);
  return {
    changing,
    heap: heapKind(reads, writes),
    widths: k.shared.map(({ packed }, i) => {
      const all = [...(widths.get(first + i) ?? [packed ? 2 : 1])];
      return packed ? Math.min(...all) : all.length === 1 ? (all[0] ?? 1) : 1;
    }),
    halves: carriedHalves(k, heapDType),
    heapDType,
    varies: e => depends(e, varying),
    meets: s => meeting.has(s),
  };
}
/** The widest elements that no write takes a part of, as far as some access has them whole. Bytes of accesses. */
function heapKind(reads: ReadonlySet<number>, writes: ReadonlySet<number>): HeapKind {
  const least = Math.min(...writes),
    some = (bytes: number): boolean => reads.has(bytes) || writes.has(bytes);
  if (least < 4) return "atomic";
  if (some(8) && least >= 8) return "pairs";
  return some(16) && least >= 16 ? "vectors" : "words";
}
const depends = (e: Expr, varying: ReadonlySet<number>): boolean =>
  e.kind === "load" || (e.kind === "var" && varying.has(e.id)) || operands(e).some(x => depends(x, varying));

/** Variables that hold a thread's number or memory, or are set where threads may part. */
function varyingVariables(k: TiledKernel, changing: ReadonlySet<number>): ReadonlySet<number> {
  const varying = new Set([k.vars.lane.id]);
  const walk = (stmts: readonly TiledStmt[], apart: boolean): void => {
    for (const s of stmts) {
      if (needsMatrixUnits(s) || isSubgroupStmt(s)) continue; // they set no variable of a thread, or the emitter refuses what targets without them never get
      switch (s.kind) {
        case "let":
        case "set":
          if (apart && s.kind === "set" ? changing.has(s.v.id) : depends(s.value, varying)) varying.add(s.v.id);
          break;
        case "shuffle":
          varying.add(s.into.id);
          break;
        case "loadVector":
          s.into.forEach(v => varying.add(v.id));
          break;
        case "for": {
          const inside = apart || depends(s.begin, varying) || depends(s.end, varying);
          if (inside) varying.add(s.v.id);
          walk(s.body, inside);
          break;
        }
        case "while":
          walk(s.body, apart || depends(s.cond, varying));
          break;
        case "if": {
          const inside = apart || depends(s.cond, varying);
          walk(s.yes, inside);
          walk(s.no, inside);
          break;
        }
        case "store":
        case "storeVector":
        case "barrier":
        case "bind":
          break;
      }
    }
  };
  for (let before = -1; before !== varying.size;) {
    before = varying.size;
    walk(k.body, false);
  }
  return varying;
}
/** Statements with a barrier or a shuffle inside. */
function findMeetings(stmts: readonly TiledStmt[], found: Set<TiledStmt>): boolean {
  let any = false;
  for (const s of stmts) {
    const inside =
      s.kind === "barrier" || s.kind === "shuffle" || isSubgroupStmt(s)
        ? true
        : s.kind === "for" || s.kind === "while"
          ? findMeetings(s.body, found)
          : s.kind === "if"
            ? [findMeetings(s.yes, found), findMeetings(s.no, found)].includes(true)
            : false;
    if (inside) {
      found.add(s);
      any = true;
    }
  }
  return any;
}
