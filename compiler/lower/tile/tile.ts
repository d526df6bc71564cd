// Schedule -> Schedule of tiled kernels: each kernel is cut into groups of threads by the first way that fits it. Memory that a way needs beside its operands is put at the end
// of the arena, some launches' side by side, then again from the start: launches run one after another.
import { byteSize } from "../../../runtime/dtype.ts";
import { unreachable } from "../../../runtime/errors/error.ts";
import type { AttentionKernel, FormKernel, Kernel, LoopKernel } from "../../ir/kernel.ts";
import type { Schedule, Slot, SlotRef, Step } from "../../ir/schedule.ts";
import type { TiledKernel } from "../../ir/tiled.ts";
import { forEachStep, mapLaunches } from "../../ir/walk.ts";
import { attentionTile } from "./attention/rows.ts";
import { attentionLanes, fitsLanes } from "./attention/lanes.ts";
import type { Tiled } from "./builder.ts";
import { columnsTile } from "./loops/columns.ts";
import { dealtLoops, isTogether } from "./loops/dealt.ts";
import { groupTile } from "./loops/group.ts";
import { itemsOf } from "./items.ts";
import { chosenWay, type Choose } from "./product/choice.ts";
import { matrixAttention } from "./matrix/attention.ts";
import { gcd } from "./matrix/divisor.ts";
import { scatterTile } from "./forms/scatter.ts";
import { scanTile } from "./forms/scan.ts";
import { sortTile } from "./forms/sort.ts";
import { merge } from "./merge/merge.ts";
import { rolled } from "./rolled.ts";
import type { TileTarget } from "./target.ts";
import { elementTile, itemTile } from "./loops/threads.ts";

/** Loops shorter than this are not worth a group. */
const SHORT = 16;

/** The program over tiled kernels. `choose`: which way of several a product is cut (by default the one that is likely best). */
export function tile(p: Schedule, target: TileTarget, choose?: Choose): Schedule<TiledKernel> {
  const made = new Map<Kernel, Map<string, readonly Tiled[]>>(),
    slots: Slot[] = [...p.slots],
    base = align(p.arenaBytes);
  const tiledAs = (k: Kernel, alignments: readonly number[]): readonly Tiled[] => {
    const known = made.get(k) ?? new Map<string, readonly Tiled[]>(),
      key = alignments.join(),
      tiled = known.get(key) ?? launchesOf(k, target, alignments, choose).map(t => rolled(located(t, k), target));
    made.set(k, known.set(key, tiled));
    return tiled;
  };
  const tiledLaunch = ({ kernel, args }: Launch): readonly Tiled[] =>
    tiledAs(
      kernel,
      args.map(a => alignmentOf(a, p)),
    );
  const needs: number[] = [];
  forEachStep(p.steps, s => {
    if (s.kind === "launch") needs.push(workspaceOf(tiledLaunch(s)));
  });
  const room = Math.min(
    needs.reduce((sum, n) => sum + n, 0),
    SIDE_BY_SIDE * needs.reduce((most, n) => Math.max(most, n), 0),
  );
  let free = base;
  const steps = mapLaunches(p.steps, s => {
    const tiled = tiledLaunch(s);
    if (free + workspaceOf(tiled) > base + room) free = base;
    let { args } = s;
    return tiled.map((t): Step<TiledKernel> => {
      const extra = t.workspace.map(({ dtype, elements }): SlotRef => {
        const id = slots.length;
        slots.push({ id, dtype, elements, home: { kind: "arena", offset: free } });
        free = align(free + elements * byteSize(dtype));
        return { slot: id, base: 0, terms: [] };
      });
      args = [...args, ...extra];
      return { kind: "launch", kernel: t.kernel, args };
    });
  });
  const arenaBytes = room === 0 ? p.arenaBytes : base + room;
  return merge({ ...p, slots, steps, arenaBytes }, target);
}
type Launch = Extract<Step, { kind: "launch" }>;
/** Launches that want memory of their own have theirs side by side as far as there is room for so many of the largest: those can be one launch. */
const SIDE_BY_SIDE = 3;
const workspaceOf = (tiled: readonly Tiled[]): number =>
  tiled.reduce((sum, t) => t.workspace.reduce((n, w) => n + align(w.elements * byteSize(w.dtype)), sum), 0);
const ALIGNMENT = 256,
  INPUT_ALIGNMENT = 64;
const located = (t: Tiled, { sources }: Kernel): Tiled => (sources ? { ...t, kernel: { ...t.kernel, sources } } : t);
const align = (n: number): number => Math.ceil(n / ALIGNMENT) * ALIGNMENT;
/** Bytes of which the address that an argument stands for is a multiple, whatever the turns of loops. */
function alignmentOf({ slot, base, terms }: SlotRef, p: Schedule): number {
  const s = p.slots[slot],
    size = byteSize(s?.dtype ?? "f32"),
    start = s?.home.kind === "arena" ? gcd(s.home.offset, ALIGNMENT) : INPUT_ALIGNMENT;
  return terms.reduce((n, t) => gcd(n, t.stride * size), gcd(start, base * size));
}

/** The launches that one kernel is; each has the parameters of the one before, workspace too. */
function launchesOf(k: Kernel, target: TileTarget, alignments: readonly number[], choose: Choose | undefined): readonly Tiled[] {
  if (k.kind === "gemm") {
    const { first, rest } = chosenWay(k, target, alignments, choose).make();
    return ["kernel" in first ? first : tileKernel(first, target), ...(rest ? [tileKernel(rest, target)] : [])];
  }
  if (k.kind === "form") return formTiles(k, target) ?? k.loops.map(loops => tileKernel(loops, target));
  const aligned = (param: number): number => alignments[param] ?? 1;
  return [(k.kind === "attention" ? matrixAttention(k, target, aligned) : undefined) ?? tileKernel(k, target)];
}
/** The launches of a form; undefined where its loops are better: threads of a CPU wait dearly for each other. */
function formTiles(k: FormKernel, target: TileTarget): readonly Tiled[] | undefined {
  if (target.software) return undefined;
  switch (k.form.form) {
    case "sort":
      return sortTile(k, target);
    case "scatter":
      return scatterTile(k, target);
    case "scan":
      return scanTile(k, target);
    default:
      return unreachable(k.form);
  }
}
/** Loops or attention, cut for `target` as one launch. */
function tileKernel(k: LoopKernel | AttentionKernel, target: TileTarget): Tiled {
  if (k.kind === "attention") return fitsLanes(k, target) ? attentionLanes(k, target) : attentionTile(k, target);
  const items = itemsOf(k, target),
    loops = dealtLoops(items.body);
  const longest = Math.max(0, ...loops.map(({ n }) => n ?? Infinity));
  return (
    elementTile(k, items, target) ??
    columnsTile(k, items, target) ??
    (longest >= SHORT && isTogether(items.body) ? groupTile(k, items, target) : itemTile(k, items, target))
  );
}
