// wgmma: a warpgroup multiplies a 64-row A by a B of up to 256 columns out of shared memory, asynchronously. Each warp has 16 of the rows; its accumulators are laid out as mma's, 8 columns
// after another. The product happens when its group is waited for (late) or at once (early), so the registers and the memory that it uses may not be touched in between.
import { plain, type Decoder, type Decoding } from "../decode.ts";
import { PtxFault } from "../errors.ts";
import { bitsOfF16, F16, f16OfBits, roundTo } from "../numbers/formats.ts";
import type { Memory } from "../memory.ts";
import type { Action } from "../program.ts";
import type { Flight } from "../races/races.ts";
import { swizzled } from "../tensormap.ts";
import type { Warp } from "../warp.ts";
import { aligned } from "./control.ts";
import { dot, ELEMENTS, unpackA, writeF32, type Element } from "./mma.ts";

/** What a matrix descriptor says: bytes everywhere. `swizzle` 0: none. */
interface Descriptor {
  readonly start: number;
  readonly leading: number;
  readonly stride: number;
  readonly swizzle: number;
}
/** Bits 0–13 start, 16–29 leading offset, 32–45 stride offset, each in units of 16 bytes; 62–63 swizzle: none, 128, 64, 32 bytes. */
function descriptor(low: number, high: number): Descriptor {
  if (((high >>> 17) & 7) !== 0) throw new PtxFault("unspecified", "a matrix descriptor with a base offset: align tiles to 1024 bytes");
  return {
    start: (low & 0x3fff) << 4,
    leading: ((low >>> 16) & 0x3fff) << 4,
    stride: (high & 0x3fff) << 4,
    swizzle: [0, 128, 64, 32][high >>> 30] ?? 0,
  };
}
/** Where the 16 bytes lie that hold element (mn, k): the address, swizzled, of its first byte. `across`: the matrix lies with mn contiguous. */
function elementAt(d: Descriptor, mn: number, k: number, bytes: number, across: boolean): number {
  const row = d.swizzle === 0 ? 16 : d.swizzle;
  if (!across) {
    const at = k * bytes;
    return swizzled(
      d.start + (mn >> 3) * d.stride + (mn & 7) * row + (d.swizzle === 0 ? (at >> 4) * d.leading + (at & 15) : at),
      d.swizzle,
    );
  }
  const per = row / bytes,
    group = Math.floor(mn / per),
    place = (k & 7) * row + (mn % per) * bytes;
  return swizzled(
    d.start + (d.swizzle === 0 ? group * d.stride + (k >> 3) * d.leading : group * d.leading + (k >> 3) * d.stride) + place,
    d.swizzle,
  );
}
function element(m: Memory, at: number, e: Element): number {
  return e.value(e.bits === 16 ? (m.u16[at >> 1] as number) : e.bits === 8 ? (m.u8[at] as number) : (m.i32[at >> 2] as number)); // checked against the memory's size
}

const A = new Float64Array(16 * 32),
  B = new Float64Array(256 * 32);

function multiply(d: Decoding): Action {
  d.must(["sync"]);
  d.must(["aligned"]);
  const shape = d.matching(/^m64n(\d+)k(8|16|32)$/) ?? d.fail("a shape is needed"),
    n = Number(shape[1]),
    k = Number(shape[2]),
    types = Object.keys(ELEMENTS),
    eb = ELEMENTS[d.type(types)],
    ea = ELEMENTS[d.type(types)],
    out = d.type(["f32", "f16", "s32"]);
  if (!ea || !eb || ea.bits !== eb.bits || k * ea.bits !== 256) return d.fail("no such wgmma");
  if (n % 8 !== 0 || n < 8 || n > 256) d.fail(`${n} columns: a multiple of 8 up to 256 is needed`);
  const registers = out === "f16" ? n / 4 : n / 2,
    kind = out === "f16" ? "b32" : out,
    acc = d.vector(d.operand(0)).map(o => d.accumulator(o, kind)),
    fromRegisters = d.operand(1).kind === "vector",
    a = fromRegisters ? d.vector(d.operand(1)).map(o => d.source(o, "b32")) : [d.source(d.operand(1), "b64")],
    b = d.source(d.operand(2), "b64"),
    scale = d.predicate(d.operand(3)),
    whole = out === "s32",
    sign = (i: number): number => {
      const x = d.constant(d.operand(i));
      return x === 1 || x === -1 ? x : d.fail("a factor is 1 or -1");
    },
    signs = whole ? 1 : sign(4) * sign(5),
    transposes = ea.bits === 16,
    across = (i: number): boolean => transposes && d.constant(d.operand(i)) === 1,
    acrossA = !fromRegisters && across(6),
    acrossB = across(fromRegisters ? 6 : 7),
    early = d.machine.copies === "early",
    checked = d.machine.races;
  if (whole) d.take("satfinite");
  d.count(whole ? 4 : 6 + (transposes ? (fromRegisters ? 1 : 2) : 0));
  if (acc.length !== registers) d.fail(`${acc.length} accumulators, not ${registers}`);
  if (fromRegisters && a.length !== 4) d.fail(`A has ${a.length} registers, not 4`);
  const accumulators = acc.map(s => s >> 5),
    held = fromRegisters ? a.map(s => s >> 5) : [];
  return plain((w, mask) => {
    aligned(w, mask);
    const { shared, launch } = w.block,
      adds = ((scale < 0 ? ~(w.preds[~scale] as number) : (w.preds[scale] as number)) & 1) === 1,
      of = (slot: number): Descriptor => descriptor(w.u32[slot] as number, w.u32[slot + 1] as number), // lane 0's; all lanes agree
      da = fromRegisters ? undefined : of(a[0] ?? 0),
      db = of(b),
      rows = 16 * (w.index & 3),
      flights: Flight[] = [];
    if (checked) {
      const reads = (x: Descriptor, from: number, count: number, acr: boolean): void => {
        const seen = new Set<number>();
        for (let mn = from; mn < from + count; mn++) for (let q = 0; q < k; q++) seen.add(elementAt(x, mn, q, ea.bits / 8, acr) & ~15);
        for (const at of seen) {
          if (at + 16 > shared.bytes) outside(at, shared.bytes);
          if (launch.races) flights.push(launch.races.begin(w, 0, shared, at, 16, "asyncRead"));
        }
      };
      if (da) reads(da, rows, 16, acrossA);
      reads(db, 0, n, acrossB);
      w.products.start(w, accumulators, held, adds);
    }
    const run = (): void => {
      const bytes = ea.bits / 8;
      if (da)
        for (let i = 0; i < 16; i++)
          for (let q = 0; q < k; q++) A[i * k + q] = numberAt(shared, elementAt(da, rows + i, q, bytes, acrossA), ea);
      else unpackA(w, a, k, ea, A);
      for (let j = 0; j < n; j++)
        for (let q = 0; q < k; q++) B[j * k + q] = signs * numberAt(shared, elementAt(db, j, q, bytes, acrossB), eb);
      for (let l = 0; l < 32; l++)
        for (let h = 0; h < 2; h++)
          for (let j = 0; j < n / 8; j++) {
            const row = ((l >> 2) + 8 * h) * k,
              col = (8 * j + 2 * (l & 3)) * k;
            if (out === "f16") {
              const i = (acc[2 * j + h] ?? 0) + l,
                x = adds ? (w.i32[i] as number) : 0; // a lane of an accumulator
              w.i32[i] =
                bitsOfF16(roundTo(dot(f16OfBits(x & 0xffff), A, row, B, col, k), F16)) |
                (bitsOfF16(roundTo(dot(f16OfBits(x >>> 16), A, row, B, col + k, k), F16)) << 16);
            } else
              for (let c = 0; c < 2; c++) {
                const i = (acc[4 * j + 2 * h + c] ?? 0) + l;
                if (whole) w.i32[i] = dot(adds ? (w.i32[i] as number) : 0, A, row, B, col + c * k, k);
                else writeF32(w, i, dot(adds ? (w.f32[i] as number) : 0, A, row, B, col + c * k, k));
              }
          }
    };
    if (early) run();
    w.products.open.push(() => {
      if (!early) run();
      for (const f of flights) launch.races?.landed(f);
      if (checked) w.products.end(accumulators, held);
    });
  });
}
function numberAt(m: Memory, address: number, e: Element): number {
  if (address + e.bits / 8 > m.bytes) outside(address, m.bytes);
  return element(m, address, e);
}
function outside(address: number, bytes: number): never {
  throw new PtxFault("address", `wgmma reads 0x${address.toString(16)}, outside shared memory (${bytes} bytes)`);
}

/** wgmma. */
export const WGMMA: Readonly<Record<string, Decoder>> = {
  wgmma: d => {
    d.needsSpecific(90, 8.0);
    const op = d.must(["mma_async", "fence", "commit_group", "wait_group"]);
    if (op === "mma_async") return multiply(d);
    d.must(["sync"]);
    d.must(["aligned"]);
    const keep = op === "wait_group" ? d.constant(d.operand(0)) : 0;
    return plain((w: Warp, mask) => {
      aligned(w, mask);
      if (op === "fence") w.products.fences++;
      else if (op === "commit_group") w.products.commit();
      else w.products.wait(keep);
    });
  },
};
