// Effective addresses of the lanes of a warp: where in which memory, in bounds and aligned, or a fault.
import type { Address, Decoding } from "../decode.ts";
import { PtxFault } from "../errors.ts";
import type { Run } from "../lanes.ts";
import { CLUSTER_SHIFT, GLOBAL_HIGH, LOCAL_HIGH, SHARED_HIGH, type Memory } from "../memory.ts";
import type { Operand } from "../text/syntax.ts";
import type { Block } from "../block.ts";
import type { Warp } from "../warp.ts";

/** State spaces of accesses. `cluster`: shared memory of any block of the cluster. `generic`: by address. */
export type Space = "global" | "shared" | "cluster" | "local" | "generic";

/** Byte offsets of the lanes in their memory, where `locate` leaves them. */
export const AT: Float64Array = new Float64Array(32);

/** The space that the modifiers name, taken. */
export function spaceOf(d: Decoding): Space {
  const s = d.oneOf(["global", "shared::cta", "shared::cluster", "shared", "local", "const"]);
  return s === undefined
    ? "generic"
    : s === "shared::cta" || s === "shared"
      ? "shared"
      : s === "shared::cluster"
        ? "cluster"
        : s === "const"
          ? "global"
          : s;
}

/** Something done where the lanes of `mask` are, all in one memory; offsets are in AT. */
export type Access = (w: Warp, mask: number, memory: Memory, block: Block | undefined) => void;

/** Runs `access` on the lanes' places: `bytes` each, aligned to `alignment`. */
export function accessing(d: Decoding, o: Operand, space: Space, bytes: number, access: Access, alignment: number = bytes): Run {
  const a = d.address(o);
  switch (space) {
    case "global":
      return (w, mask) => {
        const { global } = w.block.launch;
        locateGlobal(w, mask, a, global.bytes, bytes, alignment);
        access(w, mask, global, undefined);
      };
    case "shared":
      return (w, mask) => {
        const { block } = w;
        if (locateShared(w, mask, a, bytes, alignment)) remote(w, mask, bytes, access);
        else access(w, mask, block.shared, block);
      };
    case "cluster":
      return (w, mask) => {
        if (locateShared(w, mask, a, bytes, alignment)) remote(w, mask, bytes, access);
        else access(w, mask, w.block.shared, w.block);
      };
    case "local":
      return (w, mask) => {
        locateLocal(w, mask, a, bytes, alignment);
        access(w, mask, w.localMemory, undefined);
      };
    default:
      return (w, mask) => {
        // by windows, one kind of lane after another
        let global = 0,
          shared = 0,
          local = 0;
        for (let l = 0; l < 32; l++) {
          if (((mask >>> l) & 1) === 0) continue;
          const h = a.wide ? (w.i32[a.slot + 2 * l + 1] as number) : 0; // an address register's lane
          if (h === SHARED_HIGH) shared |= 1 << l;
          else if (h === LOCAL_HIGH) local |= 1 << l;
          else global |= 1 << l;
        }
        if (global !== 0) {
          locateGlobal(w, global, a, w.block.launch.global.bytes, bytes, alignment);
          access(w, global, w.block.launch.global, undefined);
        }
        if (shared !== 0) {
          if (locateShared(w, shared, a, bytes, alignment)) remote(w, shared, bytes, access);
          else access(w, shared, w.block.shared, w.block);
        }
        if (local !== 0) {
          locateLocal(w, local, a, bytes, alignment);
          access(w, local, w.localMemory, undefined);
        }
      };
  }
}

function locateGlobal(w: Warp, mask: number, a: Address, size: number, bytes: number, alignment: number): void {
  const { u32 } = w,
    { slot, wide, offset } = a,
    low = alignment - 1;
  for (let l = 0; l < 32; l++) {
    if (((mask >>> l) & 1) === 0) continue;
    const at = wide
      ? ((u32[slot + 2 * l + 1] as number) - GLOBAL_HIGH) * 4294967296 + (u32[slot + 2 * l] as number) + offset // an address register's lane
      : (u32[slot + l] as number) - GLOBAL_HIGH * 4294967296 + offset;
    if (!(at >= 0 && at + bytes <= size)) outside("global memory", l, at + GLOBAL_HIGH * 4294967296, bytes, size);
    if ((at & low) !== 0) misaligned(l, at, alignment);
    AT[l] = at;
  }
}
/** Are some lanes in other blocks' shared memory? Then their offsets are not checked yet. */
function locateShared(w: Warp, mask: number, a: Address, bytes: number, alignment: number): boolean {
  const { u32 } = w,
    { slot, wide, offset } = a,
    size = w.block.shared.bytes,
    low = alignment - 1;
  let far = false;
  for (let l = 0; l < 32; l++) {
    if (((mask >>> l) & 1) === 0) continue;
    const at = (u32[slot + (wide ? 2 * l : l)] as number) + offset;
    if ((at & low) !== 0) misaligned(l, at, alignment);
    if (at >>> CLUSTER_SHIFT !== 0) far = true;
    else if (at < 0 || at + bytes > size) outside("shared memory", l, at, bytes, size);
    AT[l] = at;
  }
  return far;
}
function locateLocal(w: Warp, mask: number, a: Address, bytes: number, alignment: number): void {
  const { u32 } = w,
    size = w.localMemory.bytes / 32,
    low = alignment - 1;
  for (let l = 0; l < 32; l++) {
    if (((mask >>> l) & 1) === 0) continue;
    const at = (u32[a.slot + (a.wide ? 2 * l : l)] as number) + a.offset; // an address register's lane
    if (at < 0 || at + bytes > size) outside("local memory", l, at, bytes, size);
    if ((at & low) !== 0) misaligned(l, at, alignment);
    AT[l] = at + l * size;
  }
}
/** Lanes at shared memory of several blocks of the cluster. */
function remote(w: Warp, mask: number, bytes: number, access: Access): void {
  let left = mask;
  while (left !== 0) {
    const first = 31 - Math.clz32(left & -left),
      home = homeOf(w.block, AT[first] as number); // AT has 32
    let here = 0;
    for (let l = 0; l < 32; l++) {
      if (((left >>> l) & 1) === 0 || homeOf(w.block, AT[l] as number) !== home) continue;
      here |= 1 << l;
      AT[l] = (AT[l] as number) & 0xffffff;
      if ((AT[l] as number) + bytes > home.shared.bytes)
        outside("shared memory of the cluster", l, AT[l] as number, bytes, home.shared.bytes);
    }
    access(w, here, home.shared, home);
    left &= ~here;
  }
}
/** The block whose shared memory an address of the cluster's window is in. */
export function homeOf(block: Block, at: number): Block {
  const rank = at >>> CLUSTER_SHIFT;
  if (rank === 0) return block;
  const home = block.cluster[rank - 1];
  if (!home) throw new PtxFault("address", `shared address 0x${at.toString(16)} is of no block of the cluster`);
  return home;
}
function outside(what: string, lane: number, at: number, bytes: number, size: number): never {
  throw new PtxFault(
    "address",
    `lane ${lane}: ${bytes} bytes at 0x${at < 0 ? `-${(-at).toString(16)}` : at.toString(16)} are outside ${what} (${size} bytes)`,
  );
}
function misaligned(lane: number, at: number, alignment: number): never {
  throw new PtxFault("alignment", `lane ${lane}: the address ends in 0x${(at & 255).toString(16)}, not aligned to ${alignment} bytes`);
}
