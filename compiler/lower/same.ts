// Kernels that say the same become one: the layers of a model, the leaves of a tree. Each is then cut, emitted and compiled by the engine once, however often it is launched.
import type { Source } from "../ir/func.ts";
import type { Kernel } from "../ir/kernel.ts";
import type { Schedule } from "../ir/schedule.ts";
import { forEachStep, mapLaunches } from "../ir/walk.ts";

/** The program with equal kernels shared. The first one's name stands for all, and it has the sources of all. */
export function shareKernels(p: Schedule): Schedule {
  const groups = new Map<string, { readonly first: Kernel; readonly sources: Set<Source>; count: number }>(),
    keys = new Map<Kernel, string>();
  forEachStep(p.steps, s => {
    if (s.kind !== "launch" || keys.has(s.kernel)) return;
    const key = meaningOf(s.kernel),
      group = groups.get(key) ?? { first: s.kernel, sources: new Set(), count: 0 };
    for (const source of s.kernel.sources ?? []) group.sources.add(source);
    group.count++;
    groups.set(key, group);
    keys.set(s.kernel, key);
  });
  if (groups.size === keys.size) return p;
  const shared = new Map(
    [...groups].map(([key, { first, sources, count }]) => [key, count === 1 ? first : { ...first, sources: [...sources] }]),
  );
  return { ...p, steps: mapLaunches(p.steps, s => [{ ...s, kernel: shared.get(keys.get(s.kernel) ?? "") ?? s.kernel }]) };
}

/** Text that two kernels have in common exactly if they are the same but for names, sources and the numbers of their variables. Parts that a kernel shares are written once. */
function meaningOf(k: Kernel): string {
  const vars = new Map<unknown, number>(),
    seen = new Map<object, number>();
  const write = (x: unknown): string => {
    if (typeof x === "function") return `f${numberOf(x)}`; // a form says what the loops beside it do
    if (typeof x !== "object" || x === null) return Object.is(x, -0) ? "-0" : String(x);
    if (Array.isArray(x)) return `[${x.map(write).join()}]`;
    const known = seen.get(x);
    if (known !== undefined) return `#${known}`;
    const fields = Object.entries(x).flatMap(([key, value]) => {
      if (value === undefined || key === "name" || key === "sources") return [];
      return [`${key}:${key === "id" ? numberOf(value) : write(value)}`];
    });
    seen.set(x, seen.size);
    return `{${fields.join()}}`;
  };
  const numberOf = (id: unknown): number => {
    const n = vars.get(id) ?? vars.size;
    vars.set(id, n);
    return n;
  };
  return write(k);
}
