// Launches that do not depend on one another become one: an optimizer's update of every leaf of a tree, independent products. Each launch moves up to just after what it must
// follow, and those that meet there and are cut alike share a grid: which part a group belongs to is its number's business.
import { byteSize } from "../../../runtime/dtype.ts";
import type { KernelParam } from "../../ir/kernel.ts";
import type { Schedule, SlotRef, Step } from "../../ir/schedule.ts";
import { exprVar } from "../../ir/scalar.ts";
import type { SharedMemory, TiledKernel, TiledStmt } from "../../ir/tiled.ts";
import { arith, int, less } from "./builder.ts";
import { forEachTiled, mapTiled } from "./statements.ts";

/** Most parameters of a merged kernel (a CUDA launch has room for 4 KiB of them), most statements. */
const PARAMS = 480,
  STATEMENTS = 6000;
type Launch = Extract<Step<TiledKernel>, { kind: "launch" }>;
/** Bytes [from, to) of one memory. */
interface Region {
  readonly memory: string;
  readonly from: number;
  readonly to: number;
  readonly write: boolean;
}

/** The program with fewer launches. */
export function merge(p: Schedule<TiledKernel>): Schedule<TiledKernel> {
  const body = (steps: readonly Step<TiledKernel>[]): Step<TiledKernel>[] => {
    const out: Step<TiledKernel>[] = [];
    let run: Launch[] = [];
    const flush = (): void => {
      out.push(...together(run, p));
      run = [];
    };
    for (const s of steps) {
      if (s.kind === "launch") {
        if (s.kernel.groups > 0) run.push(s);
        continue;
      }
      flush();
      out.push(
        s.kind === "loop"
          ? { ...s, body: body(s.body) }
          : s.kind === "while"
            ? { ...s, test: body(s.test), body: body(s.body) }
            : s.kind === "branch"
              ? { ...s, cases: s.cases.map(body) }
              : s,
      );
    }
    flush();
    return out;
  };
  return { ...p, steps: body(p.steps) };
}

/** Launches in an order that respects what they touch, merged where they may be. */
function together(launches: readonly Launch[], p: Schedule<TiledKernel>): Launch[] {
  const levels: Launch[][] = [],
    touched: { readonly regions: readonly Region[]; readonly level: number }[] = [];
  for (const l of launches) {
    const regions = l.args.map((r, i) => regionOf(r, l.kernel.params[i] as KernelParam, p)); // an argument a parameter
    const level = touched.reduce(
      (at, t) => (t.level >= at && t.regions.some(x => regions.some(y => conflict(x, y))) ? t.level + 1 : at),
      0,
    );
    touched.push({ regions, level });
    (levels[level] ??= []).push(l);
  }
  return levels.flatMap(level =>
    alike(level)
      .flatMap(inParts)
      .map(part => (part.length === 1 ? (part[0] as Launch) : join(part))),
  ); // a part is never empty
}
/** Launches whose kernels are cut alike, in order. */
function alike(launches: readonly Launch[]): Launch[][] {
  const lists = new Map<string, Launch[]>();
  for (const [at, l] of launches.entries()) {
    const key = cutOf(l.kernel, at),
      list = lists.get(key);
    if (list) list.push(l);
    else lists.set(key, [l]);
  }
  return [...lists.values()];
}
const conflict = (x: Region, y: Region): boolean => (x.write || y.write) && x.memory === y.memory && x.from < y.to && y.from < x.to;
/** What an argument may touch. An address that moves with a loop may be anywhere in its slot. */
function regionOf(r: SlotRef, param: KernelParam, p: Schedule<TiledKernel>): Region {
  const slot = p.slots[r.slot],
    home = slot?.home,
    size = byteSize(param.dtype),
    start = home?.kind === "arena" ? home.offset : 0;
  const donor = home?.kind === "output" ? p.donated.find(d => d.output === home.index)?.input : undefined;
  const memory = !home || home.kind === "arena" ? "arena" : donor !== undefined ? `input ${donor}` : `${home.kind} ${home.index}`;
  const [from, n] = r.terms.length > 0 ? [0, slot?.elements ?? 0] : [r.base, param.elements];
  return { memory, from: start + from * size, to: start + (from + n) * size, write: param.access !== "read" };
}
/** Kernels with equal answers may share a grid: the same threads, and either none waits for others or all may. Those that copy boxes keep theirs. */
function cutOf(k: TiledKernel, at: number): string {
  if (k.boxes) return `alone ${at}`;
  let waits = false;
  forEachTiled(k.body, s => {
    if (s.kind === "barrier" || s.kind === "shuffle") waits = true; // products of matrices come with barriers
  });
  return `${k.threads} ${waits}`;
}
/** Cut where a merged kernel would be too large. */
function inParts(list: readonly Launch[]): Launch[][] {
  const parts: Launch[][] = [];
  let params = Infinity,
    statements = 0;
  for (const l of list) {
    let n = 0;
    forEachTiled(l.kernel.body, () => n++);
    if (params + l.args.length > PARAMS || statements + n > STATEMENTS) {
      parts.push([]);
      params = 0;
      statements = 0;
    }
    parts.at(-1)?.push(l);
    params += l.args.length;
    statements += n;
  }
  return parts;
}

/** One launch for several. Groups of the first come first. A group runs one part, so parts may use the same shared memory. */
function join(parts: readonly Launch[]): Launch {
  const kernels = parts.map(l => l.kernel),
    params = kernels.flatMap(k => k.params),
    group = exprVar("group", "i32"),
    lane = exprVar("lane", "i32");
  const shared = new Memory(kernels.map(k => k.shared)),
    local = new Memory(kernels.map(k => k.local)),
    starts: number[] = [];
  let groups = 0,
    first = 0;
  const bodies = kernels.map((k, i): TiledStmt[] => {
    const base = first,
      sharedAt = params.length,
      localAt = sharedAt + shared.all.length,
      n = k.params.length;
    const place = (b: number): number =>
      b < n ? base + b : b < n + k.shared.length ? sharedAt + shared.at(i, b - n) : localAt + local.at(i, b - n - k.shared.length);
    starts.push(groups);
    const start = groups;
    first += n;
    groups += k.groups;
    return [
      { kind: "let", v: k.vars.group, value: arith("sub", group, int(start)) },
      { kind: "let", v: k.vars.lane, value: lane },
      ...mapTiled(k.body, { buf: place }),
    ];
  });
  const choose = (from: number, to: number): readonly TiledStmt[] => {
    if (to - from === 1) return bodies[from] ?? [];
    const middle = Math.ceil((from + to) / 2);
    return [{ kind: "if", cond: less(group, int(starts[middle] ?? 0)), yes: choose(from, middle), no: choose(middle, to) }];
  };
  const [one] = kernels as [TiledKernel]; // never empty
  const kernel: TiledKernel = {
    kind: "tiled",
    name: `${one.name}_and_${parts.length - 1}`,
    params,
    shared: shared.all,
    local: local.all,
    threads: one.threads,
    groups,
    vars: { group, lane },
    body: choose(0, kernels.length),
    sources: kernels.flatMap(k => k.sources ?? []),
  };
  return { kind: "launch", kernel, args: parts.flatMap(l => l.args) };
}
/** Memory of which one part is in use at a time: the n-th array of a dtype and a swizzle of every part is the same one. */
class Memory {
  readonly all: SharedMemory[] = [];
  private readonly places: readonly (readonly number[])[];
  constructor(parts: readonly (readonly SharedMemory[])[]) {
    const known = new Map<string, number>();
    this.places = parts.map(list => {
      const seen = new Map<string, number>();
      return list.map(memory => {
        const { dtype, swizzle, elements } = memory,
          kind = `${dtype} ${swizzle ? `${swizzle.bits},${swizzle.base},${swizzle.shift}` : ""}`,
          n = seen.get(kind) ?? 0,
          key = `${kind} ${n}`,
          at = known.get(key) ?? this.all.length;
        seen.set(kind, n + 1);
        known.set(key, at);
        this.all[at] = { ...memory, elements: Math.max(elements, this.all[at]?.elements ?? 0) };
        return at;
      });
    });
  }
  at(part: number, n: number): number {
    return this.places[part]?.[n] ?? -1;
  }
}
