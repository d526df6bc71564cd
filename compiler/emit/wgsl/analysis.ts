// What a kernel's text depends on as a whole: which variables change, how the heap is declared, which arrays are vectors, and which values WGSL's compiler cannot know to be
// equal in all threads of a group.
import { byteSize } from "../../../runtime/dtype.ts";
import { operands } from "../../ir/exprs.ts";
import type { Expr } from "../../ir/scalar.ts";
import { needsMatrixUnits, type TiledKernel, type TiledStmt } from "../../ir/tiled.ts";
import { expressionsOf, forEachTiled } from "../../lower/tile/statements.ts";
import type { HeapKind } from "./memory.ts";

/** Facts of one kernel. */
export interface Facts {
  /** Numbers of variables that some `set` changes. */
  readonly changing: ReadonlySet<number>;
  readonly heap: HeapKind;
  /** Elements of a vector in each shared array: 1 where it is read or written singly. */
  readonly widths: readonly number[];
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
  let parts = false,
    single = false,
    fours = false;
  const bound = new Map<number, number>(); // buffers that stand for parameters, each for those of one dtype
  forEachTiled(k.body, s => {
    if (s.kind === "bind") for (let j = 0; j < s.count; j++) bound.set(s.buf + j, s.from + j);
  });
  const access = (b: number, width: number, write: boolean): void => {
    const buf = bound.get(b) ?? b,
      known = widths.get(buf);
    if (known) known.add(width);
    else widths.set(buf, new Set([width]));
    if (buf >= first) return;
    if (write && byteSize(k.params[buf]?.dtype ?? "f32") < 4) parts = true;
    if (write && width !== 4) single = true;
    if (width === 4) fours = true;
  };
  const reads = (e: Expr): void => {
    if (e.kind === "load") access(e.buf, 1, false);
    operands(e).forEach(reads);
  };
  forEachTiled(k.body, s => {
    expressionsOf(s).forEach(reads);
    if (s.kind === "set") changing.add(s.v.id);
    else if (s.kind === "store") access(s.buf, 1, true);
    else if (s.kind === "loadVector") access(s.buf, s.into.length, false);
    else if (s.kind === "storeVector") access(s.buf, s.values.length, true);
  });
  const varying = varyingVariables(k, changing),
    meeting = new Set<TiledStmt>();
  findMeetings(k.body, meeting);
  return {
    changing,
    heap: parts ? "atomic" : fours && !single ? "vectors" : "words",
    widths: k.shared.map((_, i) => {
      const [width, ...others] = widths.get(first + i) ?? [1];
      return others.length === 0 ? (width ?? 1) : 1;
    }),
    varies: e => depends(e, varying),
    meets: s => meeting.has(s),
  };
}
const depends = (e: Expr, varying: ReadonlySet<number>): boolean =>
  e.kind === "load" || (e.kind === "var" && varying.has(e.id)) || operands(e).some(x => depends(x, varying));

/** Variables that hold a thread's number or memory, or are set where threads may part. */
function varyingVariables(k: TiledKernel, changing: ReadonlySet<number>): ReadonlySet<number> {
  const varying = new Set([k.vars.lane.id]);
  const walk = (stmts: readonly TiledStmt[], apart: boolean): void => {
    for (const s of stmts) {
      if (needsMatrixUnits(s)) continue; // the emitter refuses what targets without them never get
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
      s.kind === "barrier" || s.kind === "shuffle"
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
