// What a program moves: for each launch of its kernels the bytes that it reads and writes, every buffer that it touches counted once and in full. That is what must pass through memory where
// caches do the rest; kernels that read some elements of a table, or some of them twice, move less or more.
import { byteSize } from "../../../runtime/dtype.ts";
import { unreachable } from "../../../runtime/errors/error.ts";
import { operands } from "../../ir/exprs.ts";
import type { Expr } from "../../ir/scalar.ts";
import type { Step } from "../../ir/schedule.ts";
import type { TiledKernel } from "../../ir/tiled.ts";
import { expressionsOf, forEachTiled } from "./statements.ts";

/** Launches of one kernel (or copies) and their bytes in all, loops counted turn by turn; of branches every case counts, of loops that a value ends one turn. */
export interface Traffic {
  readonly name: string;
  readonly launches: number;
  readonly read: number;
  readonly written: number;
}

/** Kernel by kernel, in the order in which they are first launched. */
export function trafficOf(steps: readonly Step<TiledKernel>[]): readonly Traffic[] {
  const found = new Map<TiledKernel | "copy", Traffic>();
  const note = (key: TiledKernel | "copy", launches: number, read: number, written: number): void => {
    const t = found.get(key) ?? { name: key === "copy" ? key : key.name, launches: 0, read: 0, written: 0 };
    found.set(key, {
      name: t.name,
      launches: t.launches + launches,
      read: t.read + launches * read,
      written: t.written + launches * written,
    });
  };
  const walk = (body: readonly Step<TiledKernel>[], times: number): void => {
    for (const s of body)
      switch (s.kind) {
        case "launch": {
          const { reads, writes } = touched(s.kernel),
            bytes = (which: ReadonlySet<number>): number =>
              s.kernel.params.reduce((sum, p, i) => sum + (which.has(i) ? p.elements * byteSize(p.dtype) : 0), 0);
          note(s.kernel, times, bytes(reads), bytes(writes));
          break;
        }
        case "copy":
          note("copy", times, s.bytes, s.bytes);
          break;
        case "loop":
          walk(s.body, times * s.count);
          break;
        case "while":
          walk(s.test, times);
          walk(s.body, times);
          break;
        case "branch":
          for (const c of s.cases) walk(c, times);
          break;
        default:
          unreachable(s);
      }
  };
  walk(steps, 1);
  return [...found.values()];
}

const known = new WeakMap<TiledKernel, Touched>();
interface Touched {
  readonly reads: ReadonlySet<number>;
  readonly writes: ReadonlySet<number>;
}
/** The parameters that a kernel reads, and those that it writes. */
function touched(k: TiledKernel): Touched {
  const before = known.get(k);
  if (before) return before;
  const reads = new Set<number>(),
    writes = new Set<number>(),
    bound = new Map<number, readonly number[]>(),
    seen = new Set<Expr>();
  const add = (to: Set<number>, buf: number): void => (bound.get(buf) ?? [buf]).forEach(b => to.add(b));
  const visit = (e: Expr): void => {
    if (seen.has(e)) return;
    seen.add(e);
    if (e.kind === "load") add(reads, e.buf);
    operands(e).forEach(visit);
  };
  forEachTiled(k.body, s => {
    expressionsOf(s).forEach(visit);
    if (s.kind === "store" || s.kind === "storeVector") add(writes, s.buf);
    if (s.kind === "loadVector" || s.kind === "copyAsync") add(reads, s.buf);
    if (s.kind === "copyBox" || s.kind === "storeBox") add(s.kind === "copyBox" ? reads : writes, k.boxes?.[s.box]?.param ?? -1);
    if (s.kind === "bind")
      for (let j = 0; j < s.count; j++)
        bound.set(
          s.buf + j,
          Array.from({ length: s.parts }, (_, part) => s.from + s.count * part + j),
        );
  });
  const t = { reads, writes };
  known.set(k, t);
  return t;
}

/** As a table, the largest first, and what they are in all. */
export function printTraffic(rows: readonly Traffic[]): string {
  const total = rows.reduce(
    (t, r) => ({ name: "all", launches: t.launches + r.launches, read: t.read + r.read, written: t.written + r.written }),
    { name: "all", launches: 0, read: 0, written: 0 },
  );
  const mega = (bytes: number): string => (bytes / 1e6).toFixed(1).padStart(11),
    line = ({ name, launches, read, written }: Traffic): string =>
      `${String(launches).padStart(8)}${mega(read + written)}${mega(read)}${mega(written)}  ${name}`;
  return [
    "launches      MB all    MB read  MB written  kernel",
    ...rows.toSorted((a, b) => b.read + b.written - a.read - a.written).map(line),
    line(total),
  ].join("\n");
}
