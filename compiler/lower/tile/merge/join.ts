// Several launches as one: a group runs the part that its number says. Parts that are alike share a body, which finds its buffers among the parameters by the part's number, and numbers
// in which they differ in variables; other bodies stand side by side.
import type { KernelParam } from "../../../ir/kernel.ts";
import type { SlotRef, Step } from "../../../ir/schedule.ts";
import { exprVar, type ExprVar } from "../../../ir/scalar.ts";
import type { SharedMemory, TiledKernel, TiledStmt } from "../../../ir/tiled.ts";
import { withNumbers, type Shape } from "./alike.ts";
import { arith, int, less } from "../builder.ts";
import { mapTiled } from "../statements.ts";

/** A launch of a tiled kernel. */
export type Launch = Extract<Step<TiledKernel>, { kind: "launch" }>;
/** Launches whose kernels have one key. */
export type Family = readonly Launch[];

/** One launch for several. Groups of the first come first. A group runs one part, so parts may use the same shared memory. */
export function join(families: readonly Family[], shapeOf: (k: TiledKernel) => Shape): Launch {
  const kernels = families.flatMap(f => f.map(l => l.kernel)),
    [one] = kernels as [TiledKernel], // never empty
    layouts = layOut(families),
    last = layouts.at(-1),
    group = exprVar("group", "i32"),
    lane = exprVar("lane", "i32"),
    shared = new Memory(families.map(f => f.map(l => l.kernel.shared))),
    local = new Memory(families.map(f => f.map(l => l.kernel.local))),
    sharedAt = last ? last.end : 0,
    localAt = sharedAt + shared.all.length;
  let groups = 0,
    bound = localAt + local.all.length;
  const starts: number[] = [];
  const bodies = families.map((family, f): TiledStmt[] => {
    const [{ kernel }] = family as unknown as [Launch], // never empty
      layout = layouts[f] as Layout, // one each
      n = kernel.params.length,
      first = bound,
      part = exprVar("part", "i32");
    bound += layout.moving.length;
    const place = (b: number): number => {
      if (b >= n + kernel.shared.length) return localAt + local.at(f, b - n - kernel.shared.length);
      if (b >= n) return sharedAt + shared.at(f, b - n);
      const fixed = layout.fixed.get(b);
      return fixed ?? first + layout.moving.indexOf(b);
    };
    starts.push(groups);
    const { stmts, count, numbers } = whichPart(family, part, group, groups, shapeOf);
    groups += count;
    return [
      ...stmts,
      ...(layout.moving.length > 0 && family.length > 1
        ? [{ kind: "bind", buf: first, count: layout.moving.length, from: layout.begin, parts: family.length, part } as const]
        : []),
      { kind: "let", v: kernel.vars.lane, value: lane },
      ...mapTiled(numbers.size > 0 ? withNumbers(kernel.body, at => numbers.get(at)) : kernel.body, { buf: place }),
    ];
  });
  const choose = (from: number, to: number): readonly TiledStmt[] => {
    if (to - from === 1) return bodies[from] ?? [];
    const middle = Math.ceil((from + to) / 2);
    return [{ kind: "if", cond: less(group, int(starts[middle] ?? 0)), yes: choose(from, middle), no: choose(middle, to) }];
  };
  const kernel: TiledKernel = {
    kind: "tiled",
    name: `${one.name}_and_${kernels.length - 1}`,
    params: layouts.flatMap(l => l.params),
    shared: shared.all,
    local: local.all,
    threads: one.threads,
    groups,
    vars: { group, lane },
    body: choose(0, families.length),
    sources: [...new Set(kernels.flatMap(k => k.sources ?? []))],
  };
  return { kind: "launch", kernel, args: layouts.flatMap(l => l.args) };
}

/** Where a family's parameters are: those that are the same memory for all parts once, then those of each part. */
interface Layout {
  readonly fixed: ReadonlyMap<number, number>;
  readonly moving: readonly number[];
  /** The first of the moving ones; past all. */
  readonly begin: number;
  readonly end: number;
  readonly params: readonly KernelParam[];
  readonly args: readonly SlotRef[];
}
function layOut(families: readonly Family[]): Layout[] {
  let end = 0;
  return families.map(family => {
    const [one] = family as unknown as [Launch], // never empty
      same = one.args.map((a, i) => family.every(l => sameRef(l.args[i] as SlotRef, a))), // launches of a family have as many
      all = one.args.map((_, i) => i),
      still = all.filter(i => same[i]),
      moving = all.filter(i => !same[i]),
      fixed = new Map(still.map((i, at) => [i, end + at])),
      places = [...still.map(i => [one, i] as const), ...family.flatMap(l => moving.map(i => [l, i] as const))],
      begin = end + still.length;
    end += places.length;
    const params = places.map(([l, i]) => l.kernel.params[i] as KernelParam), // a parameter an argument
      args = places.map(([l, i]) => l.args[i] as SlotRef); // in range
    return { fixed, moving, begin, end, params, args };
  });
}
const sameRef = (a: SlotRef, b: SlotRef): boolean =>
  a.slot === b.slot &&
  a.base === b.base &&
  a.terms.length === b.terms.length &&
  a.terms.every((t, i) => t.counter === b.terms[i]?.counter && t.stride === b.terms[i]?.stride);

/** Statements that say which part of a family a group runs, as which of the part's groups, and the numbers in which that part's kernel differs from the first's; how many groups the family has. */
function whichPart(
  family: Family,
  part: ExprVar,
  group: ExprVar,
  start: number,
  shapeOf: (k: TiledKernel) => Shape,
): { readonly stmts: readonly TiledStmt[]; readonly count: number; readonly numbers: ReadonlyMap<number, ExprVar> } {
  const [{ kernel: one }] = family as unknown as [Launch], // never empty
    runs = runsOf(family),
    own = one.vars.group,
    within = arith("sub", group, int(start));
  if (runs.length === 1) {
    const stmts: TiledStmt[] =
      family.length === 1
        ? [{ kind: "let", v: own, value: within }]
        : [
            { kind: "let", v: part, value: arith("div", within, int(one.groups)) },
            { kind: "let", v: own, value: arith("rem", within, int(one.groups)) },
          ];
    return { stmts, count: family.length * one.groups, numbers: new Map() };
  }
  const tables = runs.map(r => shapeOf(r.kernel).numbers),
    columns = new Map<string, { readonly v: ExprVar; readonly values: readonly number[] }>(),
    numbers = new Map<number, ExprVar>();
  (tables[0] ?? []).forEach((value, at) => {
    const values = tables.map(t => t[at] ?? NaN);
    if (values.every(x => x === value)) return;
    const key = values.join(),
      column = columns.get(key) ?? { v: exprVar("size", "i32"), values };
    columns.set(key, column);
    numbers.set(at, column.v);
  });
  let count = 0,
    first = 0;
  const starts: number[] = [];
  const settings = runs.map(({ kernel, times }, r): TiledStmt[] => {
    const at = arith("sub", group, int(start + count)),
      base = first;
    starts.push(start + count);
    count += times * kernel.groups;
    first += times;
    return [
      { kind: "set", v: part, value: arith("add", times === 1 ? int(0) : arith("div", at, int(kernel.groups)), int(base)) },
      { kind: "set", v: own, value: times === 1 ? at : arith("rem", at, int(kernel.groups)) },
      ...[...columns.values()].map(({ v, values }): TiledStmt => ({ kind: "set", v, value: int(values[r] ?? 0) })),
    ];
  });
  const choose = (from: number, to: number): readonly TiledStmt[] => {
    if (to - from === 1) return settings[from] ?? [];
    const middle = Math.ceil((from + to) / 2);
    return [{ kind: "if", cond: less(group, int(starts[middle] ?? 0)), yes: choose(from, middle), no: choose(middle, to) }];
  };
  const zero = (v: ExprVar): TiledStmt => ({ kind: "let", v, value: int(0) });
  return { stmts: [part, own, ...[...columns.values()].map(c => c.v)].map(zero).concat(choose(0, runs.length)), count, numbers };
}
/** Neighbours with the same kernel. */
function runsOf(family: Family): readonly { readonly kernel: TiledKernel; readonly times: number }[] {
  const runs: { kernel: TiledKernel; times: number }[] = [];
  for (const { kernel } of family) {
    const last = runs.at(-1);
    if (last?.kernel === kernel) last.times++;
    else runs.push({ kernel, times: 1 });
  }
  return runs;
}

/** Memory of which one part is in use at a time: the n-th array of a dtype and a swizzle of every family is the same one, as large as the largest part wants it. */
class Memory {
  readonly all: SharedMemory[] = [];
  private readonly places: readonly (readonly number[])[];
  constructor(families: readonly (readonly (readonly SharedMemory[])[])[]) {
    const known = new Map<string, number>();
    this.places = families.map(parts => {
      const seen = new Map<string, number>();
      return (parts[0] ?? []).map((memory, i) => {
        const { dtype, swizzle, packed } = memory,
          kind = `${dtype} ${packed ? "packed " : ""}${swizzle ? `${swizzle.bits},${swizzle.base},${swizzle.shift}` : ""}`,
          n = seen.get(kind) ?? 0,
          key = `${kind} ${n}`,
          at = known.get(key) ?? this.all.length;
        seen.set(kind, n + 1);
        known.set(key, at);
        this.all[at] = { ...memory, elements: Math.max(this.all[at]?.elements ?? 0, ...parts.map(p => p[i]?.elements ?? 0)) };
        return at;
      });
    });
  }
  at(family: number, n: number): number {
    return this.places[family]?.[n] ?? -1;
  }
}
