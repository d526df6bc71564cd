// ld, st and their vectors, in every space.
import { plain, type Decoder, type Decoding } from "../decode.ts";
import type { Action } from "../program.ts";
import { TYPE_BYTES, type Operand } from "../text/syntax.ts";
import { accessing, AT, spaceOf, type Access } from "./address.ts";
import type { Block } from "../block.ts";
import type { Memory } from "../memory.ts";
import type { Warp } from "../warp.ts";

const TYPES = ["b8", "u8", "s8", "b16", "u16", "s16", "b32", "u32", "s32", "f32", "b64", "u64", "s64", "f64", "b128"] as const;

/** Where the elements go: slots, or undefined for `_`; is the register wider than the element? */
interface Part {
  readonly slot: number | undefined;
  readonly wide: boolean;
  /** A 16-bit register, whose upper bits are kept zero. */
  readonly half: boolean;
}

function common(d: Decoding): {
  readonly bytes: number;
  readonly type: string;
  readonly order: string | undefined;
  readonly count: number;
} {
  const type = d.type(TYPES),
    count = Number(d.oneOf(["v2", "v4", "v8"])?.slice(1) ?? 1),
    bytes = TYPE_BYTES[type] ?? 4,
    order = d.oneOf(["relaxed", "acquire", "release", "volatile"]);
  d.ignore("weak", "cta", "cluster", "gpu", "sys", "ca", "cg", "cs", "lu", "cv", "nc", "wb", "wt", "uni", "mmio");
  while (d.matching(/^L[12]::/)) continue;
  if (count * bytes > 16) d.needs(100, 8.8);
  if (count * bytes > 32 || type === "b128") d.fail("too much at once");
  return { bytes, type, order, count };
}

function load(d: Decoding): Action {
  const { bytes, type, order, count } = common(d);
  d.count(2);
  if (d.take("param")) return loadParam(d, type, bytes, count);
  const space = spaceOf(d),
    parts = partsOf(d, d.operand(0), type, bytes, count, true),
    signed = type[0] === "s",
    races = d.machine.races;
  const access: Access = (w, mask, m, block) => {
    if (races) touch(w, mask, m, block, bytes * count, "read", order);
    for (let k = 0; k < parts.length; k++) {
      const p = parts[k] as Part; // in range
      if (p.slot === undefined) continue;
      gather(w.i32, p.slot, mask, m, k * bytes, bytes, signed, p.wide);
      if (p.half && signed) for (let l = 0; l < 32; l++) if (((mask >>> l) & 1) === 1) w.u16[2 * (p.slot + l) + 1] = 0;
    }
  };
  return plain(accessing(d, d.operand(1), space, bytes * count, access));
}
/** Tell the race detector; accesses with an order are synchronisation. */
function touch(
  w: Warp,
  mask: number,
  m: Memory,
  block: Block | undefined,
  bytes: number,
  how: "read" | "write",
  order: string | undefined,
): void {
  const races = w.block.launch.races;
  races?.access(w, mask, m, block, AT, bytes, order === undefined ? how : "atomic");
  if (order !== undefined) races?.signal(w, mask, m, AT, order === "acquire", order === "release");
}
/** One element a lane, from AT + at, into slot `to`. */
function gather(R: Int32Array, to: number, mask: number, m: Memory, at: number, bytes: number, signed: boolean, wide: boolean): void {
  const stride = wide ? 2 : 1;
  switch (bytes) {
    case 4: {
      const M = m.i32;
      if (mask === -1 && !wide) for (let l = 0; l < 32; l++) R[to + l] = M[((AT[l] as number) + at) >>> 2] as number; // AT is in bounds
      else for (let l = 0; l < 32; l++) if (((mask >>> l) & 1) === 1) R[to + stride * l] = M[((AT[l] as number) + at) >>> 2] as number;
      break;
    }
    case 8: {
      const M = m.i32;
      for (let l = 0; l < 32; l++) {
        if (((mask >>> l) & 1) === 0) continue;
        const i = ((AT[l] as number) + at) >>> 2;
        R[to + 2 * l] = M[i] as number;
        R[to + 2 * l + 1] = M[i + 1] as number;
      }
      return;
    }
    case 2: {
      const M = signed ? m.i16 : m.u16;
      for (let l = 0; l < 32; l++) if (((mask >>> l) & 1) === 1) R[to + stride * l] = M[((AT[l] as number) + at) >>> 1] as number;
      break;
    }
    default: {
      const M = signed ? m.i8 : m.u8;
      for (let l = 0; l < 32; l++) if (((mask >>> l) & 1) === 1) R[to + stride * l] = M[(AT[l] as number) + at] as number;
    }
  }
  if (wide) for (let l = 0; l < 32; l++) if (((mask >>> l) & 1) === 1) R[to + 2 * l + 1] = signed ? (R[to + 2 * l] as number) >> 31 : 0;
}
function loadParam(d: Decoding, type: string, bytes: number, count: number): Action {
  const o = d.operand(1),
    v = o.kind === "address" ? d.variable(o.base) : undefined;
  if (o.kind !== "address" || v?.space !== "param") return d.fail("ld.param needs a parameter's name");
  const parts = partsOf(d, d.operand(0), type, bytes, count, true),
    at = v.address + Number(o.offset),
    signed = type[0] === "s";
  if (at % (bytes * count) !== 0) d.fail("misaligned parameter");
  return plain((w, mask) => {
    const p = w.block.launch.params,
      R = w.i32;
    parts.forEach((part, k) => {
      if (part.slot === undefined) return;
      const i = at + k * bytes,
        low =
          bytes >= 4
            ? p.getInt32(i, true)
            : bytes === 2
              ? signed
                ? p.getInt16(i, true)
                : p.getUint16(i, true)
              : signed
                ? p.getInt8(i)
                : p.getUint8(i),
        up = bytes === 8 ? p.getInt32(i + 4, true) : signed ? low >> 31 : 0,
        stride = part.wide || bytes === 8 ? 2 : 1;
      for (let l = 0; l < 32; l++) {
        if (((mask >>> l) & 1) === 0) continue;
        R[part.slot + stride * l] = part.half ? low & 0xffff : low;
        if (stride === 2) R[part.slot + 2 * l + 1] = up;
      }
    });
  });
}
function partsOf(d: Decoding, o: Operand, type: string, bytes: number, count: number, into: boolean): Part[] {
  const parts = d.vector(o);
  if (parts.length !== count) d.fail(`${parts.length} registers for ${count} elements`);
  return parts.map(p => {
    if (p.kind === "sink") return { slot: undefined, wide: false, half: false };
    const have = d.registerBytes(p);
    const t = bytes < 4 || have !== bytes ? type : `b${8 * bytes}`;
    return { slot: into ? d.target(p, t, true) : d.source(p, t, true), wide: have === 8 && bytes < 8, half: have === 2 };
  });
}

function store(d: Decoding): Action {
  const { bytes, type, order, count } = common(d);
  d.count(2);
  const space = spaceOf(d),
    parts = partsOf(d, d.operand(1), type, bytes, count, false),
    races = d.machine.races;
  const access: Access = (w, mask, m, block) => {
    if (races) touch(w, mask, m, block, bytes * count, "write", order);
    for (let k = 0; k < parts.length; k++) {
      const p = parts[k] as Part; // in range
      if (p.slot !== undefined) scatter(w.i32, p.slot, mask, m, k * bytes, bytes, p.wide);
    }
  };
  return plain(accessing(d, d.operand(0), space, bytes * count, access));
}
/** One element a lane, from slot `from` to AT + at. */
function scatter(R: Int32Array, from: number, mask: number, m: Memory, at: number, bytes: number, wide: boolean): void {
  const stride = wide ? 2 : 1;
  switch (bytes) {
    case 4: {
      const M = m.i32;
      if (mask === -1 && !wide) for (let l = 0; l < 32; l++) M[((AT[l] as number) + at) >>> 2] = R[from + l] as number; // AT is in bounds
      else for (let l = 0; l < 32; l++) if (((mask >>> l) & 1) === 1) M[((AT[l] as number) + at) >>> 2] = R[from + stride * l] as number;
      break;
    }
    case 8: {
      const M = m.i32;
      for (let l = 0; l < 32; l++) {
        if (((mask >>> l) & 1) === 0) continue;
        const i = ((AT[l] as number) + at) >>> 2;
        M[i] = R[from + 2 * l] as number;
        M[i + 1] = R[from + 2 * l + 1] as number;
      }
      break;
    }
    case 2:
      for (let l = 0; l < 32; l++) if (((mask >>> l) & 1) === 1) m.u16[((AT[l] as number) + at) >>> 1] = R[from + stride * l] as number;
      break;
    default:
      for (let l = 0; l < 32; l++) if (((mask >>> l) & 1) === 1) m.u8[(AT[l] as number) + at] = R[from + stride * l] as number;
  }
}

/** ld, st, and hints that move nothing. */
export const LOADSTORE: Readonly<Record<string, Decoder>> = {
  ld: load,
  st: store,
  prefetch: d => hint(d),
  applypriority: d => hint(d),
  discard: d => hint(d),
};
function hint(d: Decoding): Action {
  spaceOf(d);
  d.ignore("L1", "L2", "tensormap", "param");
  while (d.matching(/^L[12]::|^evict_/)) continue;
  return plain(() => undefined);
}
