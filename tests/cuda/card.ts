// The half of the driver without a card that knows devices, contexts, streams, events and memory. Work is done when it is waited for.
import type { Out32, Out64 } from "../../runtime/cuda/driver.ts";
import { PtxDevice, type Schedule } from "../ptx/device.ts";
import { DeviceMemory, HostMemory } from "./memory.ts";
import { Objects } from "./objects.ts";
import { Queue, type FakeEvent } from "./queue.ts";

/** A card of that capability with so many bytes (90, 48 MiB). `ptx`: an interpreter that is there already. */
export interface FakeOptions {
  readonly capability?: number;
  readonly bytes?: number;
  readonly cards?: number;
  readonly driverVersion?: number;
  readonly schedule?: Schedule;
  readonly races?: boolean;
  readonly ptx?: PtxDevice;
}
/** Result codes that it gives. */
export const code = {
  OK: 0,
  INVALID_VALUE: 1,
  OUT_OF_MEMORY: 2,
  NOT_INITIALIZED: 3,
  INVALID_DEVICE: 101,
  INVALID_CONTEXT: 201,
  INVALID_PTX: 218,
  INVALID_HANDLE: 400,
  NOT_FOUND: 500,
  NOT_READY: 600,
  NOT_SUPPORTED: 801,
  INVALID_CLUSTER: 912,
} as const;
/** Shared memory a block may ask for, by capability. */
const OPT_IN: readonly (readonly [capability: number, bytes: number])[] = [
  [90, 232448],
  [86, 101376],
  [80, 166912],
  [75, 65536],
];
/** Shared memory that a block has without asking. */
export const STATIC_SHARED = 49152;

/** See above. */
export abstract class FakeCard {
  readonly violations: string[] = [];
  /** What kernels did wrong, as the interpreter says. */
  readonly faults: string[] = [];
  /** Calls by name. */
  readonly launches: { direct: number; graphs: number; nodes: number } = { direct: 0, graphs: 0, nodes: 0 };
  /** Kernels that have run. */
  executed: number = 0;
  readonly objects: Objects = new Objects();
  readonly device: DeviceMemory;
  readonly host: HostMemory = new HostMemory();
  protected readonly ptx: PtxDevice;
  protected readonly capability: number;
  protected readonly cards: number;
  protected readonly version: number;
  protected readonly queues: Set<Queue> = new Set();
  protected started: boolean = false;
  protected current: bigint = 0n;
  protected retained: { readonly context: bigint; users: number } | undefined;
  protected sticky: number = code.OK;

  constructor(options: FakeOptions = {}) {
    this.capability = options.capability ?? 90;
    this.cards = options.cards ?? 1;
    this.version = options.driverVersion ?? 12080;
    this.ptx =
      options.ptx ??
      new PtxDevice({
        capability: this.capability,
        bytes: options.bytes ?? 48 * 2 ** 20,
        schedule: options.schedule ?? "forward",
        races: options.races ?? false,
        limit: 1e8, // a kernel of a test that runs for longer hangs
      });
    this.device = new DeviceMemory(this.ptx.memory, Number(this.ptx.base));
  }
  /** Everything that is live: what a driver's owner has to give back. */
  live(): Readonly<Record<string, number>> {
    return { ...this.objects.counts(), memory: this.device.count, pinned: this.host.count, contexts: this.retained?.users ?? 0 };
  }

  cuInit(flags: number): number {
    this.started = flags === 0;
    return this.started ? code.OK : code.INVALID_VALUE;
  }
  cuDriverGetVersion(version: Out32): number {
    version[0] = this.version;
    return code.OK;
  }
  cuDeviceGetCount(count: Out32): number {
    count[0] = this.cards;
    return this.started ? code.OK : code.NOT_INITIALIZED;
  }
  cuDeviceGet(device: Out32, ordinal: number): number {
    device[0] = ordinal;
    return ordinal < this.cards ? code.OK : code.INVALID_DEVICE;
  }
  cuDeviceGetName(name: Uint8Array, length: number, device: number): number {
    name.fill(0).set(new TextEncoder().encode("Paper card").subarray(0, length - 1));
    return this.card(device);
  }
  cuDeviceTotalMem(bytes: Out64, device: number): number {
    bytes[0] = BigInt(this.device.memory.length);
    return this.card(device);
  }
  cuDeviceGetAttribute(value: Out32, attribute: number, device: number): number {
    const known: Readonly<Record<number, number>> = {
      1: 1024,
      8: STATIC_SHARED,
      16: 4,
      75: Math.floor(this.capability / 10),
      76: this.capability % 10,
      97: this.optIn,
    };
    value[0] = known[attribute] ?? 0;
    return known[attribute] === undefined ? code.INVALID_VALUE : this.card(device);
  }
  cuDevicePrimaryCtxRetain(context: Out64, device: number): number {
    this.retained ??= { context: this.objects.add("context", device), users: 0 };
    this.retained.users++;
    context[0] = this.retained.context;
    return this.card(device);
  }
  cuDevicePrimaryCtxRelease(device: number): number {
    const r = this.retained;
    if (!r) return this.wrong("release of a context that nobody retains", code.INVALID_CONTEXT);
    if (--r.users === 0) {
      this.objects.remove("context", r.context);
      this.retained = undefined;
    }
    return this.card(device);
  }
  cuCtxSetCurrent(context: bigint): number {
    if (context !== 0n && this.objects.get("context", context) === undefined)
      return this.wrong("a context that is not one", code.INVALID_CONTEXT);
    this.current = context;
    return code.OK;
  }

  cuStreamCreate(stream: Out64, _flags: number): number {
    const queue = new Queue();
    this.queues.add(queue);
    stream[0] = this.objects.add("stream", queue);
    return this.ready();
  }
  cuStreamDestroy(stream: bigint): number {
    const queue = this.objects.get<Queue>("stream", stream);
    if (!queue) return this.wrong("a stream is destroyed that is not one", code.INVALID_HANDLE);
    queue.drain();
    this.queues.delete(queue);
    this.objects.remove("stream", stream);
    return this.ready();
  }
  cuStreamSynchronize(stream: bigint): number {
    return this.on(stream, queue => {
      queue.drain();
      return code.OK;
    });
  }
  cuEventCreate(event: Out64, flags: number): number {
    const made: FakeEvent = { timing: (flags & 2) === 0, queue: undefined, reached: true, time: 0 };
    event[0] = this.objects.add("event", made);
    return this.ready();
  }
  cuEventDestroy(event: bigint): number {
    return this.objects.remove("event", event) ? this.ready() : this.wrong("an event is destroyed that is not one", code.INVALID_HANDLE);
  }
  cuEventRecord(event: bigint, stream: bigint): number {
    return this.at(event, e =>
      this.on(stream, queue => {
        e.queue = queue;
        e.reached = false;
        queue.push(() => {
          e.reached = true;
          e.time = performance.now();
        });
        return code.OK;
      }),
    );
  }
  /** Each look does two pieces of work. */
  cuEventQuery(event: bigint): number {
    return this.at(event, e => {
      for (let i = 0; i < 2 && !e.reached; i++) e.queue?.step();
      return e.reached ? code.OK : code.NOT_READY;
    });
  }
  cuEventSynchronize(event: bigint): number {
    return this.at(event, e => {
      while (!e.reached && e.queue?.step());
      return code.OK;
    });
  }
  cuEventElapsedTime(milliseconds: Float32Array, start: bigint, end: bigint): number {
    return this.at(start, a =>
      this.at(end, b => {
        if (!a.timing || !b.timing) return code.INVALID_HANDLE;
        if (!a.reached || !b.reached) return code.NOT_READY;
        milliseconds[0] = b.time - a.time;
        return code.OK;
      }),
    );
  }

  cuMemAlloc(address: Out64, bytes: number): number {
    if (bytes <= 0) return this.wrong("an allocation of no bytes", code.INVALID_VALUE);
    const at = this.device.allocate(bytes);
    if (at === undefined) return code.OUT_OF_MEMORY;
    address[0] = BigInt(at);
    return this.ready();
  }
  cuMemFree(address: number): number {
    for (const q of this.queues) q.drain();
    return this.device.free(address)
      ? this.ready()
      : this.wrong(`free of ${address.toString(16)}, which is not allocated`, code.INVALID_VALUE);
  }
  cuMemAllocHost(pointer: Out64, bytes: number): number {
    pointer[0] = this.host.allocate(bytes);
    return this.ready();
  }
  cuMemFreeHost(pointer: bigint): number {
    return this.host.free(pointer) ? this.ready() : this.wrong("free of pinned memory that is not allocated", code.INVALID_VALUE);
  }
  cuMemGetInfo(free: Out64, total: Out64): number {
    total[0] = BigInt(this.device.memory.length);
    free[0] = total[0] - BigInt(this.device.used);
    return this.ready();
  }
  cuMemcpyHtoDAsync(to: number, from: bigint, bytes: number, stream: bigint): number {
    const source = this.host.bytes(from, bytes);
    if (!source || !this.device.holds(to, bytes))
      return this.wrong("an upload from or to memory that is not allocated", code.INVALID_VALUE);
    return this.enqueue(stream, () => this.device.bytes(to, bytes).set(source));
  }
  cuMemcpyDtoHAsync(to: bigint, from: number, bytes: number, stream: bigint): number {
    const target = this.host.bytes(to, bytes);
    if (!target || !this.device.holds(from, bytes)) return this.wrong("a read from or to memory that is not allocated", code.INVALID_VALUE);
    return this.enqueue(stream, () => target.set(this.device.bytes(from, bytes)));
  }
  cuMemsetD8Async(to: number, value: number, bytes: number, stream: bigint): number {
    if (!this.device.holds(to, bytes)) return this.wrong("a fill of memory that is not allocated", code.INVALID_VALUE);
    return this.enqueue(stream, () => this.device.bytes(to, bytes).fill(value));
  }
  hostView(pointer: bigint, bytes: number): ArrayBuffer {
    const block = this.host.block(pointer);
    if (!block || block.byteLength < bytes) throw new Error("a view of memory that is not pinned");
    return block;
  }

  protected get optIn(): number {
    return OPT_IN.find(([c]) => this.capability >= c)?.[1] ?? STATIC_SHARED;
  }
  protected card(device: number): number {
    return device < this.cards ? this.sticky : code.INVALID_DEVICE;
  }
  protected wrong(what: string, result: number): number {
    this.violations.push(what);
    return result;
  }
  /** What every call ends with: the context is there and well. */
  protected ready(): number {
    return this.current === 0n ? this.wrong("a call without a context", code.INVALID_CONTEXT) : this.sticky;
  }
  protected on(stream: bigint, act: (queue: Queue) => number): number {
    const queue = this.objects.get<Queue>("stream", stream);
    const result = queue ? act(queue) : this.wrong("a stream that is not one", code.INVALID_HANDLE);
    return this.ready() || result;
  }
  protected at(event: bigint, act: (e: FakeEvent) => number): number {
    const e = this.objects.get<FakeEvent>("event", event);
    const result = e ? act(e) : this.wrong("an event that is not one", code.INVALID_HANDLE);
    return this.ready() || result;
  }
  protected enqueue(stream: bigint, run: () => void): number {
    return this.on(stream, queue => {
      queue.push(() => {
        if (this.sticky === code.OK) run();
      });
      return code.OK;
    });
  }
}
