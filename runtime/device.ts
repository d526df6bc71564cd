// What every device offers. The compiler hands artifacts and buffers to it; it never sees a program's equations.
import type { DType, HostArray } from "./dtype.ts";
import type { Artifact, DeviceTarget } from "./artifact.ts";
import type { Profiling } from "./profile.ts";
import type { Tuning } from "./tuning/tuning.ts";

/** Memory on a device holding one tensor, row-major, tightly packed. */
export interface DeviceArray {
  readonly device: Device;
  readonly dtype: DType;
  readonly elements: number;
  /** True once disposed or donated. */
  readonly released: boolean;
  /** Give the memory back. Idempotent. */
  dispose(): void;
  /** A copy of the contents on the host. @throws E0701 after dispose, E0706 where the device is asynchronous */
  readSync(): HostArray;
  /** The same, without blocking where the device is asynchronous. */
  read(): Promise<HostArray>;
  /** A check of the contents that is still going on: `read` waits for it, and rejects as it does. */
  check?: Promise<void> | undefined;
}
/** A compiled program on a device. Inputs in order; `donate[i]` lets the program take over input i's memory. */
export interface Executable {
  run(inputs: readonly DeviceArray[], donate?: readonly boolean[]): DeviceArray[];
  dispose(): void;
}
/** Live memory, bytes. */
export interface MemoryStats {
  readonly live: number;
  readonly peak: number;
  readonly reserved: number;
  readonly arrays: number;
}
/** A place where programs run. */
export interface Device {
  readonly kind: "wasm" | "webgpu" | "cuda";
  readonly name: string;
  /** May this thread wait for results? Where it may not they are read with `await`. */
  readonly mayWait: boolean;
  /** What the compiler makes code for. */
  readonly target: DeviceTarget;
  /** Where its user wants kernels measured. */
  readonly tuning?: Tuning;
  /** Copy host data in. `data` is in the storage format of `dtype`. */
  upload(dtype: DType, data: HostArray): DeviceArray;
  load(artifact: Artifact): Executable;
  memory(): MemoryStats;
  /** Waits for all work. */
  sync(): Promise<void>;
  /** Times kernels until the profile is finished, on devices that have a clock of their own. One profile at a time. @throws E0703 where the driver gives no times */
  profile?(): Profiling;
}
