// Launches that do not depend on one another become one: an optimizer's update of every leaf of a tree, independent products. Each launch moves up to just after what it must
// follow, and those that meet there and are cut alike share a grid: which part a group belongs to is its number's business (`join.ts`).
import { byteSize } from "../../../../runtime/dtype.ts";
import type { KernelParam } from "../../../ir/kernel.ts";
import type { Schedule, SlotRef, Step } from "../../../ir/schedule.ts";
import type { TiledKernel } from "../../../ir/tiled.ts";
import { shapeOf as newShape, type Shape } from "./alike.ts";
import { join, type Family, type Launch } from "./join.ts";
import { forEachTiled } from "../statements.ts";
import type { TileTarget } from "../target.ts";

/** Most parameters of a merged kernel where the target does not say, most statements. */
const PARAMS = 480,
  STATEMENTS = 6000;
/** Bytes [from, to) of one memory. */
interface Region {
  readonly memory: string;
  readonly from: number;
  readonly to: number;
  readonly write: boolean;
}

/** The program with fewer launches. */
export function merge(p: Schedule<TiledKernel>, target: Pick<TileTarget, "parameters">): Schedule<TiledKernel> {
  const shapes = new Map<TiledKernel, Shape>(),
    most = target.parameters ?? PARAMS;
  const shapeOf = (k: TiledKernel): Shape => {
    const shape = shapes.get(k) ?? newShape(k);
    shapes.set(k, shape);
    return shape;
  };
  const body = (steps: readonly Step<TiledKernel>[]): Step<TiledKernel>[] => {
    const out: Step<TiledKernel>[] = [];
    let run: Launch[] = [];
    const flush = (): void => {
      for (const level of levelsOf(run, p))
        for (const list of alike(level))
          for (const families of inParts(familiesOf(list, shapeOf), most)) out.push(together(families, shapeOf));
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

/** Launches level by level: each just after what it must follow; one that is alone there waits for others that are cut alike, as long as nobody waits for it. */
function levelsOf(launches: readonly Launch[], p: Schedule<TiledKernel>): readonly Launch[][] {
  const regions = launches.map(l => l.args.map((r, i) => regionOf(r, l.kernel.params[i] as KernelParam, p))), // an argument a parameter
    cuts = launches.map((l, at) => cutOf(l.kernel, at)),
    follows = (a: number, b: number): boolean => (regions[b] ?? []).some(x => (regions[a] ?? []).some(y => conflict(x, y)));
  const level: number[] = [];
  launches.forEach((_, b) => level.push(level.reduce((at, l, a) => (l >= at && follows(a, b) ? l + 1 : at), 0)));
  for (let a = launches.length - 1; a >= 0; a--) {
    const alike = level.filter((l, b) => b !== a && cuts[b] === cuts[a] && l >= (level[a] ?? 0)),
      later = Math.min(...alike);
    if (later > (level[a] ?? 0) && later < Infinity && level.every((l, b) => b <= a || l > later || !follows(a, b))) level[a] = later;
  }
  const levels: Launch[][] = [];
  launches.forEach((l, a) => (levels[level[a] ?? 0] ??= []).push(l));
  return levels.filter(l => l.length > 0); // all of a level may have waited
}
/** One launch for all. */
function together(families: readonly Family[], shapeOf: (k: TiledKernel) => Shape): Launch {
  const [[only, ...others] = [], ...more] = families;
  return only && others.length === 0 && more.length === 0 ? only : join(families, shapeOf);
}
/** Launches that one body serves, those of the same kernel side by side. */
function familiesOf(launches: readonly Launch[], shapeOf: (k: TiledKernel) => Shape): Family[] {
  const families = new Map<string, Map<TiledKernel, Launch[]>>();
  for (const l of launches) {
    const { key } = shapeOf(l.kernel),
      family = families.get(key) ?? new Map<TiledKernel, Launch[]>(),
      list = family.get(l.kernel);
    families.set(key, family);
    if (list) list.push(l);
    else family.set(l.kernel, [l]);
  }
  return [...families.values()].map(f => [...f.values()].flat());
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
/** Kernels with equal answers may share a grid: the same threads, and either none waits for others or all may. Those that copy boxes, or hold matrices by subgroups, keep theirs. */
function cutOf(k: TiledKernel, at: number): string {
  if (k.boxes || k.subgroup) return `alone ${at}`;
  let waits = false;
  forEachTiled(k.body, s => {
    if (s.kind === "barrier" || s.kind === "shuffle") waits = true; // products of matrices come with barriers
  });
  return `${k.threads} ${waits}`;
}
/** Cut where a merged kernel would be too large: families that are launched together. A family that is cut has its body in each. */
function inParts(families: readonly Family[], most: number): Family[][] {
  const parts: Launch[][][] = [];
  let params = Infinity,
    statements = 0;
  for (const family of families) {
    let n = 0;
    forEachTiled(family[0]?.kernel.body ?? [], () => n++);
    let list: Launch[] = [];
    for (const l of family) {
      const full = params + l.args.length > most || (list.length === 0 && statements + n > STATEMENTS);
      if (full) {
        parts.push([]);
        [params, statements, list] = [0, 0, []];
      }
      if (list.length === 0) {
        parts.at(-1)?.push(list);
        statements += n;
      }
      list.push(l);
      params += l.args.length;
    }
  }
  return parts;
}
