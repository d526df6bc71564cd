// cp.async.bulk and its tensor form: copies by the asynchronous proxy. Loads tell an mbarrier how many bytes have landed; stores belong to groups that their thread waits for.
import { plain, type Decoder, type Decoding } from "../decode.ts";
import type { Block } from "../block.ts";
import { PtxFault } from "../errors.ts";
import { CLUSTER_SHIFT, GLOBAL_BASE, PARAM_HIGH, type Memory } from "../memory.ts";
import type { Action } from "../program.ts";
import type { Flight } from "../races/races.ts";
import { boxBytes, decodeTensorMap, forEachRow, swizzled, TENSOR_MAP_BYTES, type TensorMap } from "../tensormap.ts";
import type { Operand } from "../text/syntax.ts";
import type { Warp } from "../warp.ts";
import { homeOf } from "./address.ts";
import type { Mbarrier } from "./mbarrier.ts";

/** The 64-bit value of an address operand in lane `l`. */
function addressOf(d: Decoding, o: Operand): (w: Warp, l: number) => bigint {
  const a = d.address(o);
  return (w, l) => (a.wide ? (w.u64[(a.slot >> 1) + l] as bigint) : BigInt(w.u32[a.slot + l] as number)) + BigInt(a.offset); // a lane of a source
}
/** A shared address of the cluster, generic or not: whose memory, and where. */
function sharedPlace(w: Warp, address: bigint, bytes: number, alignment: number): { readonly home: Block; readonly at: number } {
  const low = Number(address & 0xffffffffn),
    home = homeOf(w.block, low),
    at = low & ((1 << CLUSTER_SHIFT) - 1);
  if (at + bytes > home.shared.bytes)
    throw new PtxFault("address", `${bytes} bytes at 0x${at.toString(16)} are outside shared memory (${home.shared.bytes} bytes)`);
  if (at % alignment !== 0)
    throw new PtxFault("alignment", `a bulk copy at shared 0x${at.toString(16)}, not aligned to ${alignment} bytes`);
  return { home, at };
}
function globalPlace(m: Memory, address: bigint, bytes: number, alignment: number): number {
  const at = Number(address - GLOBAL_BASE);
  if (at < 0 || at + bytes > m.bytes)
    throw new PtxFault("address", `${bytes} bytes at 0x${address.toString(16)} are outside global memory`);
  if (at % alignment !== 0) throw new PtxFault("alignment", `a bulk copy at 0x${address.toString(16)}, not aligned to ${alignment} bytes`);
  return at;
}
function mapAt(w: Warp, address: bigint): TensorMap {
  if (address % 64n !== 0n) throw new PtxFault("alignment", "a tensor map is aligned to 64 bytes");
  const { launch } = w.block;
  if (address >> 32n === BigInt(PARAM_HIGH))
    return decodeTensorMap(new Uint8Array(launch.params.buffer, Number(address & 0xffffffffn), TENSOR_MAP_BYTES));
  const at = globalPlace(launch.global, address, TENSOR_MAP_BYTES, 64);
  return decodeTensorMap(launch.global.u8.subarray(at, at + TENSOR_MAP_BYTES));
}
function barrierOf(w: Warp, home: Block, at: number): Mbarrier {
  const b = home.mbarriers.get(at),
    { races } = w.block.launch;
  if (!b) throw new PtxFault("barrier", `there is no initialised mbarrier at 0x${at.toString(16)}`);
  if (races && b.initialized && !races.fenced(w, b.initialized))
    throw new PtxFault(
      "race",
      `the mbarrier at 0x${at.toString(16)} was initialised without fence.mbarrier_init or fence.proxy.async before this copy uses it`,
    );
  return b;
}

/** Where one lane's load goes: `bytes` at `at` of each of the blocks `homes`, told to the mbarrier at `signal` of each. */
interface Load {
  readonly w: Warp;
  readonly lane: number;
  readonly homes: readonly Block[];
  readonly at: number;
  readonly bytes: number;
  readonly signal: number;
  /** Writes the bytes into one block's shared memory. */
  readonly move: (to: Memory) => void;
}
function start(early: boolean, { w, lane, homes, at, bytes, signal, move }: Load): void {
  const { launch } = w.block,
    { races } = launch,
    barriers = homes.map(h => barrierOf(w, h, signal)),
    flights: Flight[] = [];
  if (races) for (const h of homes) flights.push(races.begin(w, lane, h.shared, at, bytes, "asyncWrite"));
  const known = races?.tell(w);
  const land = (): void => {
    homes.forEach((h, i) => {
      move(h.shared);
      if (flights[i]) races?.landed(flights[i], known);
      barriers[i]?.complete(bytes, known);
    });
  };
  if (early) land();
  else {
    for (const h of homes) h.shared.u8.fill(0xff, at, at + bytes);
    launch.transfers.push({ land });
  }
}
/** The blocks that a multicast mask names. */
const targets = (w: Warp, home: Block, mask: number | undefined): readonly Block[] =>
  mask === undefined ? [home] : w.block.cluster.filter((_, rank) => ((mask >>> rank) & 1) === 1);

/** Global or another block's shared memory -> shared memory. */
function load(d: Decoding, dimensions: number | undefined): Action {
  d.must(["mbarrier::complete_tx::bytes"]);
  const cast = d.take("multicast::cluster"),
    hint = d.take("L2::cache_hint"),
    early = d.machine.copies === "early";
  let next = 0;
  const operand = (): Operand => d.operand(next++),
    to = addressOf(d, operand()),
    source = operand(),
    from = addressOf(d, source),
    coordinates = coordinatesOf(d, source, dimensions),
    size = dimensions === undefined ? d.source(operand(), "u32") : undefined,
    barrier = addressOf(d, operand()),
    mask = cast ? d.source(operand(), "b16") : undefined;
  if (hint) d.source(operand(), "b64");
  d.count(next);
  return plain((w, lanes) => {
    const { launch } = w.block;
    for (let l = 0; l < 32; l++) {
      if (((lanes >>> l) & 1) === 0) continue;
      const map = dimensions === undefined ? undefined : mapAt(w, from(w, l)),
        bytes = map ? boxBytes(map) : (w.u32[(size ?? 0) + l] as number); // a lane of a source
      if (map && map.dimensions.length !== dimensions)
        throw new PtxFault("launch", `a tensor map of rank ${map.dimensions.length} for a copy of ${dimensions}d`);
      if (bytes % 16 !== 0) throw new PtxFault("alignment", `a bulk copy of ${bytes} bytes: a multiple of 16 is needed`);
      const { home, at } = sharedPlace(w, to(w, l), bytes, map ? 128 : 16),
        sign = sharedPlace(w, barrier(w, l), 8, 8);
      const move = map
        ? loadBox(
            launch.global,
            map,
            coordinates.map(c => w.i32[c + l] as number),
            at,
            (g, n) => launch.races?.touch(w, l, launch.global, g, n, "asyncRead"),
          )
        : plainMove(w, l, from(w, l), at, bytes);
      start(early, {
        w,
        lane: l,
        homes: targets(w, home, mask === undefined ? undefined : (w.u32[mask + l] as number)),
        at,
        bytes,
        signal: sign.at,
        move,
      });
    }
  });
}
function plainMove(w: Warp, lane: number, address: bigint, at: number, bytes: number): (to: Memory) => void {
  const { launch } = w.block;
  if (address < GLOBAL_BASE) {
    const source = sharedPlace(w, address, bytes, 16);
    launch.races?.touch(w, lane, source.home.shared, source.at, bytes, "asyncRead");
    return to => to.u8.set(source.home.shared.u8.subarray(source.at, source.at + bytes), at);
  }
  const from = globalPlace(launch.global, address, bytes, 16);
  launch.races?.touch(w, lane, launch.global, from, bytes, "asyncRead");
  return to => to.u8.set(launch.global.u8.subarray(from, from + bytes), at);
}
function loadBox(
  global: Memory,
  map: TensorMap,
  c: readonly number[],
  at: number,
  reads: (g: number, bytes: number) => void,
): (to: Memory) => void {
  const es = map.elementBytes,
    inner = (map.box[0] ?? 1) * es;
  forEachRow(map, c, at, (_, g, from, end) => {
    if (end > from) reads(globalPlace(global, g + BigInt(from * es), (end - from) * es, 1), (end - from) * es);
  });
  return to =>
    forEachRow(map, c, at, (s, g, from, end) => {
      const base = Number(g - GLOBAL_BASE);
      for (let b = 0; b < inner; b++)
        to.u8[swizzled(s + b, map.swizzle)] =
          b >= from * es && b < end * es ? (global.u8[base + b] as number) : map.fill === "nan" ? 0xff : 0;
    });
}
function coordinatesOf(d: Decoding, o: Operand, dimensions: number | undefined): number[] {
  if (dimensions === undefined) return [];
  if (o.kind !== "address" || o.coordinates === undefined) return d.fail("coordinates are needed");
  const parts = d.vector(o.coordinates);
  if (parts.length !== dimensions) d.fail(`${parts.length} coordinates for ${dimensions} dimensions`);
  return parts.map(p => d.source(p, "s32"));
}

/** A store that has been started: what it still has to read and to write. */
export interface Store {
  readonly read: () => void;
  readonly write: () => void;
}
/** The stores of one thread: of no group yet, and of groups, oldest first; `read`: groups from the front that have been read. */
export interface StoreQueue {
  open: Store[];
  groups: Store[][];
  read: number;
}
const queueOf = (w: Warp, lane: number): StoreQueue => (w.stores[lane] ??= { open: [], groups: [], read: 0 });

const SUM: Readonly<Record<string, (v: DataView, at: number, x: DataView, from: number) => void>> = {
  "add f32": (v, at, x, from) => v.setFloat32(at, v.getFloat32(at, true) + x.getFloat32(from, true), true),
  "add u32": (v, at, x, from) => v.setUint32(at, v.getUint32(at, true) + x.getUint32(from, true), true),
  "add s32": (v, at, x, from) => v.setUint32(at, v.getUint32(at, true) + x.getUint32(from, true), true),
};
/** Shared -> global memory, or added to it. */
function store(d: Decoding, dimensions: number | undefined, adds: boolean): Action {
  d.must(["bulk_group"]);
  const hint = d.take("L2::cache_hint"),
    op = adds ? `${d.must(["add"])}${dimensions === undefined ? ` ${d.type(["f32", "u32", "s32"])}` : " f32"}` : undefined,
    sum = op === undefined ? undefined : SUM[op],
    early = d.machine.copies === "early";
  const target = d.operand(0),
    to = addressOf(d, target),
    coordinates = coordinatesOf(d, target, dimensions),
    from = addressOf(d, d.operand(1)),
    size = dimensions === undefined ? d.source(d.operand(2), "u32") : undefined;
  d.count((dimensions === undefined ? 3 : 2) + (hint ? 1 : 0));
  return plain((w, lanes) => {
    for (let l = 0; l < 32; l++) {
      if (((lanes >>> l) & 1) === 0) continue;
      const { launch } = w.block,
        { global, races } = launch,
        map = dimensions === undefined ? undefined : mapAt(w, to(w, l)),
        bytes = map ? boxBytes(map) : (w.u32[(size ?? 0) + l] as number), // a lane of a source
        { home, at } = sharedPlace(w, from(w, l), bytes, map ? 128 : 16),
        content = new Uint8Array(bytes),
        flight = races?.begin(w, l, home.shared, at, bytes, "asyncRead"),
        pieces: { readonly g: number; readonly s: number; readonly bytes: number }[] = [];
      if (map)
        forEachRow(
          map,
          coordinates.map(c => w.i32[c + l] as number),
          0,
          (s, g, a, b) => {
            const es = map.elementBytes;
            if (b > a) pieces.push({ g: globalPlace(global, g + BigInt(a * es), (b - a) * es, 1), s: s + a * es, bytes: (b - a) * es });
          },
        );
      else pieces.push({ g: globalPlace(global, to(w, l), bytes, 16), s: 0, bytes });
      const flights = races ? pieces.map(p => races.begin(w, l, global, p.g, p.bytes, adds ? "atomic" : "asyncWrite")) : [];
      const job: Store = {
        read: () => {
          for (let i = 0; i < bytes; i++) content[i] = home.shared.u8[swizzled(at + i, map?.swizzle ?? 0)] as number; // in bounds
          if (flight) races?.landed(flight);
        },
        write: () => {
          const v = new DataView(content.buffer);
          for (const p of pieces)
            if (sum) for (let i = 0; i < p.bytes; i += 4) sum(global.view, p.g + i, v, p.s + i);
            else global.u8.set(content.subarray(p.s, p.s + p.bytes), p.g);
          for (const f of flights) races?.landed(f);
        },
      };
      if (early) {
        job.read();
        job.write();
        queueOf(w, l).open.push({ read: () => undefined, write: () => undefined });
      } else queueOf(w, l).open.push(job);
    }
  });
}
function waitGroup(d: Decoding): Action {
  const reads = d.take("read"),
    keep = d.constant(d.operand(0));
  return plain((w, lanes) => {
    for (let l = 0; l < 32; l++) {
      if (((lanes >>> l) & 1) === 0) continue;
      const q = queueOf(w, l);
      for (; q.read < q.groups.length - keep; q.read++) for (const s of q.groups[q.read] ?? []) s.read();
      if (!reads)
        while (q.groups.length > keep) {
          for (const s of q.groups.shift() ?? []) s.write();
          q.read--;
        }
    }
  });
}
/** What stores are left when a thread exits. Its block's shared memory goes away, so they must have been read. @throws PtxFault under `checked` */
export function finishStores(w: Warp, lanes: number, checked: boolean): void {
  for (let l = 0; l < 32; l++) {
    const q = ((lanes >>> l) & 1) === 1 ? w.stores[l] : undefined;
    if (!q) continue;
    if (checked && (q.open.length > 0 || q.read < q.groups.length))
      throw new PtxFault("race", `thread ${w.index * 32 + l} exits while a bulk copy still reads its shared memory`);
    q.groups.push(q.open);
    q.groups.forEach((g, i) => {
      for (const s of g) {
        if (i >= q.read) s.read();
        s.write();
      }
    });
    w.stores[l] = undefined;
  }
}

/** cp.async.bulk…, cp.reduce.async.bulk…. `cp` and `async` are taken. */
export const bulk: Decoder = d => {
  const adds = d.instruction.mods[0] === "reduce";
  d.must(["bulk"]);
  d.needs(90, 8.0);
  if (d.take("commit_group"))
    return plain((w, lanes) => {
      for (let l = 0; l < 32; l++) {
        if (((lanes >>> l) & 1) === 0) continue;
        const q = queueOf(w, l);
        q.groups.push(q.open);
        q.open = [];
      }
    });
  if (d.take("wait_group")) return waitGroup(d);
  const tensor = d.take("tensor"),
    dimensions = tensor ? Number(d.matching(/^([1-5])d$/)?.[1] ?? d.fail("a number of dimensions is needed")) : undefined;
  d.take("tile");
  if (d.take("prefetch")) {
    d.ignore("L2", "global", "L2::cache_hint");
    return plain(() => undefined);
  }
  // the first space is the destination's
  const [first = ""] = d.instruction.mods.filter(m => /^(?:global|shared(?:::\w+)?)$/.test(m));
  d.ignore("global", "shared::cta", "shared::cluster");
  if (first === "global") return store(d, dimensions, adds);
  if (first === "shared::cta") d.needs(90, 8.6);
  return adds ? d.fail("reductions into shared memory are not supported") : load(d, dimensions);
};
