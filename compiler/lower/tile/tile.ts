// Schedule -> Schedule of tiled kernels: each kernel is cut into groups of threads by the first way that fits it. Memory that a way needs beside its operands is put at the end
// of the arena, shared by all launches, which run one after another.
import { byteSize } from "../../../runtime/dtype.ts";
import type { Kernel } from "../../ir/kernel.ts";
import type { Schedule, Slot, SlotRef } from "../../ir/schedule.ts";
import type { TiledKernel } from "../../ir/tiled.ts";
import { mapLaunches } from "../../ir/walk.ts";
import { attentionTile } from "./attention.ts";
import type { Tiled } from "./builder.ts";
import { dealtLoops, isTogether } from "./dealt.ts";
import { groupTile } from "./group.ts";
import { itemsOf } from "./items.ts";
import { asLoops, chooseTile, productTile } from "./product.ts";
import { merge } from "./merge.ts";
import type { TileTarget } from "./target.ts";
import { elementTile, itemTile } from "./threads.ts";

/** Loops shorter than this are not worth a group; products with fewer rows or columns are not worth tiles. */
const SHORT = 16,
  THIN = 4;

/** The program over tiled kernels. */
export function tile(p: Schedule, target: TileTarget): Schedule<TiledKernel> {
  const made = new Map<Kernel, Tiled>(),
    slots: Slot[] = [...p.slots],
    base = align(p.arenaBytes);
  let arenaBytes = p.arenaBytes;
  const steps = mapLaunches(p.steps, s => {
    let t = made.get(s.kernel);
    if (!t) made.set(s.kernel, (t = tileKernel(s.kernel, target)));
    let offset = base;
    const extra = t.workspace.map(({ dtype, elements }): SlotRef => {
      const id = slots.length;
      slots.push({ id, dtype, elements, home: { kind: "arena", offset } });
      offset = align(offset + elements * byteSize(dtype));
      return { slot: id, base: 0, terms: [] };
    });
    if (extra.length > 0) arenaBytes = Math.max(arenaBytes, offset);
    return [{ ...s, kernel: t.kernel, args: [...s.args, ...extra] }];
  });
  return merge({ ...p, slots, steps, arenaBytes });
}
const align = (n: number): number => Math.ceil(n / 256) * 256;

/** One kernel, cut for `target`. */
export function tileKernel(k: Kernel, target: TileTarget): Tiled {
  if (k.kind === "gemm") return Math.min(k.m, k.n) < THIN ? tileKernel(asLoops(k), target) : productTile(k, chooseTile(k, target), target);
  if (k.kind === "attention") return attentionTile(k, target);
  const items = itemsOf(k, target),
    loops = dealtLoops(items.body);
  const longest = Math.max(0, ...loops.map(({ n }) => n ?? Infinity));
  return (
    elementTile(k, items, target) ?? (longest >= SHORT && isTogether(items.body) ? groupTile(k, items, target) : itemTile(k, items, target))
  );
}
