// A card: context, one stream, memory, loaded programs. Calls enqueue work and return; reads wait for what they read.
import type { Artifact, DeviceTarget } from "../artifact.ts";
import type { Device, Executable, MemoryStats } from "../device.ts";
import { byteSize, type DType, type HostArray } from "../dtype.ts";
import { PullbackError } from "../errors/error.ts";
import type { Precision } from "../precision.ts";
import type { Profiling } from "../profile.ts";
import { Ledger, type Block } from "../memory/blocks.ts";
import { Reclaimer } from "../memory/reclaim.ts";
import { bytesOf, CudaArray } from "./array.ts";
import { Calls } from "./calls.ts";
import { openCard, type Card } from "./card.ts";
import type { Driver } from "./driver.ts";
import { CudaExecutable } from "./executable.ts";
import { openDriver } from "./ffi.ts";
import { Heap, pieceBytes } from "./heap.ts";
import { Launcher } from "./launcher.ts";
import { Modules } from "./modules.ts";
import { NativePage } from "./page.ts";
import { Profile } from "./profile.ts";
import { Staging } from "./staging.ts";
import { Timeline } from "./timeline.ts";
import { Transfers } from "./transfers.ts";
import { tuningFor, type TuneOptions, type Tuning } from "../tuning/tuning.ts";

/** `ordinal`: which card (0). `graphs`: replay compiled functions as CUDA graphs (true). `regionBytes`: memory is reserved in regions of at least so much
 *  (64 MiB). `stagingBytes`: pinned memory for transfers (32 MiB). `runAhead`: calls that may be enqueued before the host waits (16).
 *  `precision`: of f32 products that do not say themselves ("default"). `tune`: measure how kernels are best cut for this card, and remember it (false). `driver`: the system's. */
export interface CudaOptions {
  readonly ordinal?: number;
  readonly graphs?: boolean;
  readonly regionBytes?: number;
  readonly stagingBytes?: number;
  readonly runAhead?: number;
  readonly precision?: Precision;
  readonly tune?: boolean | TuneOptions;
  readonly driver?: Driver;
}

/** See Device. */
export class CudaDevice implements Device {
  readonly kind = "cuda";
  readonly mayWait = true;
  readonly name: string;
  readonly target: DeviceTarget;
  readonly tuning?: Tuning;
  readonly graphs: boolean;
  readonly context: bigint;
  readonly ledger: Ledger;
  readonly launcher: Launcher;
  readonly modules: Modules;
  readonly transfers: Transfers;
  private readonly calls: Calls;
  private readonly card: Card;
  private readonly timeline: Timeline;
  private readonly page: NativePage;
  private readonly staging: Staging;
  private readonly heap: Heap;
  private readonly reclaimer = new Reclaimer();
  private readonly runAhead: number;
  private readonly programs = new Set<() => void>(); // how each loaded program is given back
  private arena: { readonly address: number; readonly bytes: number } | undefined;

  /** @throws E0703 with the reason when there is no card, driver or library */
  constructor(options: CudaOptions = {}) {
    const calls = (this.calls = new Calls(options.driver ?? openDriver()));
    this.card = openCard(calls, options.ordinal ?? 0);
    this.context = this.card.context;
    this.name = calls.name = this.card.name;
    this.target = { kind: "cuda", features: { ...this.card.features, ...(options.precision && { precision: options.precision }) } };
    this.graphs = options.graphs ?? true;
    this.runAhead = options.runAhead ?? 16;
    const opened: { dispose(): void }[] = [this.card];
    const open = <T extends { dispose(): void }>(part: T): T => {
      opened.push(part);
      return part;
    };
    try {
      this.timeline = open(new Timeline(calls));
      this.page = open(new NativePage(calls));
    } catch (e) {
      for (const part of opened.toReversed()) part.dispose();
      throw e;
    }
    this.staging = new Staging(calls, this.timeline, options.stagingBytes ?? 2 ** 25);
    this.heap = new Heap(calls, this.timeline, options.regionBytes ?? 2 ** 26);
    this.modules = new Modules(calls, this.page);
    this.launcher = new Launcher(calls, this.page, this.timeline.stream);
    this.transfers = new Transfers(calls, this.staging, this.timeline.stream);
    this.ledger = new Ledger(this.reclaimer, block => this.heap.release(block.address));
    const { capability, driverVersion } = this.card.facts,
      tuning = tuningFor(options.tune, `${this.name}, capability ${capability}, driver ${driverVersion}`, (exe, inputs, times) => {
        exe.run(inputs).forEach(out => out.dispose()); // the first two are launched one by one, and made a graph
        return (
          this.timeline.time(() => {
            for (let i = 0; i < times; i++) exe.run(inputs).forEach(out => out.dispose());
          }) / times
        );
      });
    if (tuning) this.tuning = tuning;
  }

  /** Has the driver taken the device away? Nothing works on it any more. */
  get lost(): boolean {
    return this.calls.lost;
  }
  upload(dtype: DType, data: HostArray): CudaArray {
    const a = this.create(dtype, data.length);
    try {
      this.transfers.write(a.block.address, bytesOf(data, dtype));
    } catch (e) {
      a.dispose();
      throw e;
    }
    return a;
  }
  load(artifact: Artifact): Executable {
    if (artifact.kind !== "ptx") throw new PullbackError("E0703", `the cuda device cannot load a ${artifact.kind} artifact`);
    const exe = new CudaExecutable(this, artifact);
    this.programs.add(exe.cleanup);
    this.reclaimer.watch(exe, exe.cleanup, 0);
    return exe;
  }
  memory(): MemoryStats {
    return {
      live: this.heap.live - (this.arena ? pieceBytes(this.arena.bytes) : 0),
      peak: this.heap.peak,
      reserved: this.heap.reserved,
      arrays: this.ledger.arrays,
    };
  }
  /** Waits for all work. @throws CudaError, DeviceLostError for what went wrong meanwhile */
  async sync(): Promise<void> {
    await this.timeline.arrive(this.timeline.upcoming);
    this.calls.report();
  }
  /** Times every kernel from now on until `finish`, launched one by one, not replayed. @throws CudaError, DeviceLostError */
  profile(): Profiling {
    const { launcher, timeline, calls } = this,
      profile = new Profile(calls, timeline.stream);
    launcher.profile?.dispose(); // that one's rows are lost to its owner: one profile at a time
    launcher.profile = profile;
    return {
      finish: async () => {
        await this.sync();
        if (launcher.profile === profile) launcher.profile = undefined;
        return profile.finish();
      },
    };
  }
  /** Gives everything back. Arrays and programs on the device are dead. Safe on a lost device. */
  dispose(): void {
    for (const cleanup of [...this.programs]) cleanup();
    this.launcher.profile?.dispose();
    this.heap.dispose();
    this.staging.dispose();
    this.page.dispose();
    this.timeline.dispose();
    this.card.dispose();
    this.calls.close("it was disposed");
  }

  /** A fresh array of unspecified contents. @throws OutOfMemoryError */
  create(dtype: DType, elements: number): CudaArray {
    const bytes = elements * byteSize(dtype);
    return this.adopt(dtype, elements, { address: this.allocate(bytes), bytes, refs: 0 });
  }
  /** An array over an existing block: one more reference to it. */
  adopt(dtype: DType, elements: number, block: Block): CudaArray {
    return new CudaArray(this, dtype, elements, block);
  }
  /** Memory that programs use while they run: one for all, since they run one after the other. Stays where it is until a larger one is asked for. */
  scratch(bytes: number): number {
    if (this.arena && this.arena.bytes >= bytes) return this.arena.address;
    this.dropScratch();
    this.arena = { address: this.allocate(bytes), bytes };
    return this.arena.address;
  }
  /** The host may enqueue one more call. Waits while it is too far ahead. @throws DeviceLostError */
  admit(): void {
    this.calls.requireAlive();
    this.timeline.bound(this.runAhead - 1);
  }
  /** A call is enqueued. */
  submitted(): void {
    this.timeline.mark();
  }
  /** A program is given back; the collector need not look after it. */
  unload(exe: CudaExecutable): void {
    this.reclaimer.forget(exe);
    exe.cleanup();
  }
  /** Its part of `cleanup`. @returns false when that has been done */
  retire(cleanup: () => void): boolean {
    return this.programs.delete(cleanup);
  }

  private allocate(bytes: number): number {
    this.calls.requireAlive();
    return this.heap.allocate(bytes, () => {
      this.dropScratch();
      this.reclaimer.collect();
    });
  }
  private dropScratch(): void {
    if (this.arena) this.heap.release(this.arena.address);
    this.arena = undefined;
  }
}
