// The WebGPU device: one heap, one timeline, programs. Calls return at once; what they did is known when a result is read.
import type { Artifact, DeviceTarget, WgslFeatures } from "../artifact.ts";
import type { Device, DeviceArray, Executable, MemoryStats } from "../device.ts";
import { byteSize, hostArray, hostView, type DType, type HostArray } from "../dtype.ts";
import { PullbackError } from "../errors/error.ts";
import { Ledger, type ArrayMaker, type Block } from "../memory/blocks.ts";
import { Reclaimer } from "../memory/reclaim.ts";
import type { Profiling } from "../profile.ts";
import { openDevice, wgslFeatures, type AdapterOptions, type Opened } from "./adapter.ts";
import { Usage, type GpuBuffer } from "./api.ts";
import { WebGpuArray, type GpuBlock } from "./array.ts";
import { borrow, type Borrowed, type BorrowOptions } from "./borrow.ts";
import { WebGpuExecutable } from "./executable.ts";
import { Faults } from "./faults.ts";
import { Heap } from "./heap.ts";
import { Pipelines } from "./pipelines.ts";
import { Profile } from "./profile.ts";
import { Recorder } from "./recorder.ts";
import { selfTest } from "./selftest.ts";
import { Staging } from "./staging.ts";
import { Timeline } from "./timeline.ts";
import { tuningFor, type TuneOptions, type Tuning } from "../tuning/tuning.ts";
import { measure } from "./measure.ts";

/** Options of `webgpu`. `heapBytes`: memory to begin with (16 MiB; it grows). `runAhead`: submits that may be unfinished before later ones wait on the host (32). `label`: its name in messages (the adapter's). `software`: code for an
 *  adapter that computes on the CPU, or for a card (what the adapter says it is). `tune`: measure how kernels are best cut for this adapter, and remember it (false). */
export interface WebGpuOptions extends AdapterOptions {
  readonly heapBytes?: number;
  readonly runAhead?: number;
  readonly software?: boolean;
  readonly label?: string;
  readonly tune?: boolean | TuneOptions;
}

/** See Device. */
export class WebGpuDevice implements Device, ArrayMaker<WebGpuArray> {
  readonly kind = "webgpu";
  readonly mayWait = false;
  readonly name: string;
  readonly features: WgslFeatures;
  readonly tuning?: Tuning;
  /** The order of things. */
  readonly timeline: Timeline;
  readonly pipelines: Pipelines;
  readonly recorder: Recorder;
  readonly staging: Staging;
  /** For tests. */
  readonly faults: Faults;
  private readonly owned: boolean;
  private readonly heap: Heap;
  private readonly reclaimer = new Reclaimer();
  private readonly ledger = new Ledger(this.reclaimer, block => this.heap.release(block.address));

  private constructor(
    opened: Opened,
    features: WgslFeatures,
    name: string,
    timeline: Timeline,
    heap: Heap,
    faults: Faults,
    tune: WebGpuOptions["tune"],
  ) {
    this.owned = opened.owned;
    this.name = name;
    this.features = features;
    this.timeline = timeline;
    this.heap = heap;
    this.faults = faults;
    this.pipelines = new Pipelines(timeline);
    this.recorder = new Recorder(timeline, heap, this.pipelines);
    this.staging = new Staging(timeline);
    if (this.owned) timeline.listen();
    const { info } = opened,
      identity = ["webgpu", info?.vendor, info?.architecture, info?.device, info?.description].filter(Boolean).join(" "),
      tuning = tuningFor(tune, identity, (exe, inputs, times) => measure(this, exe as WebGpuExecutable, inputs, times)); // of this device
    if (tuning) this.tuning = tuning;
  }
  /** @throws E0703 with the reason when there is no device, OutOfMemoryError when `heapBytes` do not fit */
  static async open(options: WebGpuOptions = {}): Promise<WebGpuDevice> {
    const opened = await openDevice(options),
      { gpu, info } = opened;
    const what = [info?.vendor, info?.architecture, info?.description].filter(Boolean).join(" ");
    const name = options.label ?? (what === "" ? "webgpu" : `webgpu (${what})`);
    const faults = new Faults(),
      timeline = new Timeline(gpu, name, options.runAhead ?? 32, faults);
    const limit = Math.min(gpu.limits.maxBufferSize, gpu.limits.maxStorageBufferBindingSize, 2 ** 32 - 4096); // addresses are 32 bits
    const heap = await Heap.make({ timeline, faults, initial: options.heapBytes ?? 16 << 20, limit });
    const features = { ...wgslFeatures(opened), ...(options.software === undefined ? {} : { software: options.software }) };
    return new WebGpuDevice(opened, features, name, timeline, heap, faults, options.tune);
  }
  /** True when the device is gone: make a new one. */
  get lost(): boolean {
    return this.timeline.lost !== undefined;
  }
  get target(): DeviceTarget {
    return { kind: "webgpu", features: this.features };
  }

  upload(dtype: DType, data: HostArray): WebGpuArray {
    if (dtype === "f64")
      throw new PullbackError("E0705", `${this.name} cannot hold f64: WebGPU has none`, { help: "convert to f32 first, or use wasm()" });
    const a = this.create(dtype, data.length),
      { address } = a.block;
    let bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength); // shared memory is copied below
    if (bytes.length % 4 !== 0 || !(data.buffer instanceof ArrayBuffer)) bytes = padded(bytes);
    let written = bytes.length === 0;
    if (written) return a;
    this.write(a, () => {
      this.timeline.gpu.queue.writeBuffer(this.heap.buffer, address, bytes);
      written = true;
    });
    if (!written) bytes = bytes.slice(); // its turn comes later, and the caller may change what is theirs
    return a;
  }
  load(artifact: Artifact): Executable {
    if (artifact.kind !== "wgsl") throw new PullbackError("E0703", `the webgpu device cannot load a ${artifact.kind} artifact`);
    const exe = new WebGpuExecutable(this, artifact);
    this.reclaimer.watch(exe, exe.cleanup, 0);
    return exe;
  }
  memory(): MemoryStats {
    return { live: this.heap.live, peak: this.heap.peak, reserved: this.heap.reserved, arrays: this.ledger.arrays };
  }
  /** @throws DeviceLostError, or the first failure since that no read has met */
  sync(): Promise<void> {
    return this.timeline.drain();
  }
  /** Gives everything back: our own device too, never one that was given. Tensors on it are gone. */
  destroy(): void {
    if (this.owned) this.timeline.gpu.destroy();
    this.timeline.buffers.destroyAll();
  }

  /** A copy of a GPUBuffer of yours as a tensor. The buffer stays yours: keep it until `sync` is over. @throws E0709 when it cannot be copied */
  fromBuffer(buffer: GpuBuffer, dtype: DType, elements: number, at = 0): WebGpuArray {
    const bytes = copyBytes(buffer, dtype, elements, at, "copySrc");
    const a = this.create(dtype, elements),
      { address } = a.block;
    if (bytes > 0) this.write(a, () => this.copy(buffer, at, this.heap.buffer, address, bytes));
    return a;
  }
  /** A copy of a tensor into a GPUBuffer of yours. @throws E0709 when it cannot be written, E0701 for a released tensor */
  toBuffer(a: WebGpuArray, buffer: GpuBuffer, at = 0): void {
    const bytes = copyBytes(buffer, a.dtype, a.elements, at, "copyDst");
    a.requireLive("copied");
    a.requireSound();
    const { address } = a.block;
    if (bytes > 0)
      this.timeline.issue({ execute: seq => this.timeline.attempt(seq, () => this.copy(this.heap.buffer, address, buffer, at, bytes)) });
  }
  /** A tensor's own memory for work of yours on the same GPUDevice, without a copy. See borrow.ts. */
  borrow(a: WebGpuArray, use: (borrowed: Borrowed) => void, options?: BorrowOptions): Promise<void> {
    return borrow(this, a, use, options);
  }
  /** The buffer that every tensor lies in, until the heap grows. */
  get buffer(): GpuBuffer {
    return this.heap.buffer;
  }
  /** A few programs with exactly known answers. @throws E0710 when the driver gets one wrong */
  selfTest(): Promise<void> {
    return selfTest(this);
  }
  /** Times every kernel until the profile is finished. @throws E0703 where the device has no timestamps */
  profile(): Profiling {
    const profile = new Profile(this.timeline, this.staging);
    this.recorder.profile = profile;
    return {
      finish: async () => {
        await this.sync();
        this.recorder.profile = undefined;
        return profile.finish();
      },
    };
  }

  /** The contents of an array as they are now. @throws DeviceLostError, or the reason why they never came to be */
  async contents({ dtype, elements, place }: WebGpuArray): Promise<HostArray> {
    const { timeline } = this,
      { address, written } = place;
    const bytes = Math.ceil((elements * byteSize(dtype)) / 4) * 4;
    const sound = (): void => {
      const fault = timeline.faultOf(written);
      if (fault) throw fault;
    };
    sound();
    if (bytes === 0) return hostArray(dtype, 0);
    const data = await new Promise<Uint8Array<ArrayBuffer>>((resolve, reject) => {
      const issue = (): void => {
        timeline.enqueue({
          execute: () => void this.staging.fetch(this.heap.buffer, address, bytes).then(resolve, reject),
          voided: () => {
            const fault = timeline.faultOf(written);
            if (fault) reject(fault);
            else issue(); // older than what failed
          },
        });
      };
      issue();
    });
    await timeline.settled();
    sound();
    return hostView(dtype, data.buffer, 0, elements);
  }

  /** The command that an array of this device was last written by. */
  writtenBy(a: DeviceArray): number {
    return a instanceof WebGpuArray ? a.place.written : 0;
  }
  /** A fresh array of unspecified contents. */
  create(dtype: DType, elements: number): WebGpuArray {
    const bytes = elements * byteSize(dtype);
    const block: GpuBlock = { address: this.allocate(bytes), bytes, refs: 0, written: 0 };
    return this.adopt(dtype, elements, block);
  }
  /** An array over an existing block: one more reference to it. */
  adopt(dtype: DType, elements: number, block: Block): WebGpuArray {
    return new WebGpuArray(this, this.ledger, dtype, elements, block as GpuBlock); // this device made it, in `create`
  }
  /** The collector need not look after `owner` any more. */
  forget(owner: object): void {
    this.reclaimer.forget(owner);
  }
  /** Raw memory for arenas. */
  allocate(bytes: number): number {
    return this.heap.allocate(bytes, () => {
      this.staging.trim();
      this.reclaimer.collect();
    });
  }
  free(address: number): void {
    this.heap.release(address);
  }

  /** A command that writes `a`. */
  private write(a: WebGpuArray, work: () => void): void {
    try {
      a.place.written = this.timeline.issue({ execute: seq => this.timeline.attempt(seq, work) });
    } catch (e) {
      a.dispose();
      throw e;
    }
  }
  private copy(from: GpuBuffer, fromAt: number, to: GpuBuffer, toAt: number, bytes: number): void {
    const encoder = this.timeline.gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(from, fromAt, to, toAt, bytes);
    this.timeline.submit([encoder.finish()]);
  }
}

/** A fresh copy with zeros up to a whole number of words. */
function padded(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const words = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  words.set(bytes);
  return words;
}
/** Bytes to copy from or to a user's buffer. @throws E0709 */
function copyBytes(buffer: GpuBuffer, dtype: DType, elements: number, at: number, usage: "copySrc" | "copyDst"): number {
  const bytes = elements * byteSize(dtype);
  const fault =
    (buffer.usage & Usage[usage]) === 0
      ? `its usage lacks ${usage === "copySrc" ? "COPY_SRC" : "COPY_DST"}`
      : bytes % 4 !== 0 || at % 4 !== 0
        ? `${bytes} bytes at ${at} are no whole number of words`
        : at + bytes > buffer.size
          ? `it has ${buffer.size} bytes, ${at + bytes} are needed`
          : undefined;
  if (fault === undefined) return bytes;
  throw new PullbackError("E0709", `a GPUBuffer cannot hold ${elements} ${dtype}: ${fault}`, {
    help: "create it with COPY_SRC | COPY_DST, sizes and offsets in multiples of 4",
  });
}
