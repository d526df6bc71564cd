// How a device gets its programs run: at once, by the caller (inline.ts), or in order, by another thread (queued.ts). The device owns memory and arrays;
// an engine owns instances of programs and knows which of the commands given to it are finished.
import type { WasmArtifact } from "../artifact.ts";

/** A program that an engine can run. */
export interface Loaded {
  /** Runs it over the addresses of its inputs and outputs. Gives the number of the command. */
  run(ins: readonly number[], outs: readonly number[]): number;
  /** Forget it. Holds on to nothing of the program's owner, so that the collector may call it. */
  drop(): void;
}
/** Commands are numbered from 1; 0 is finished from the start. */
export interface Engine {
  load(artifact: WasmArtifact): Loaded;
  /** The last command given. */
  readonly issued: number;
  /** Bytes given back that unfinished commands may still use. */
  readonly waiting: number;
  /** May the calling thread block until a command is finished? */
  readonly mayWait: boolean;
  /** Is `command` finished? @throws the failure of it, or of one before it */
  finished(command: number): boolean;
  /** Blocks until `command` is finished. @throws the same */
  wait(command: number): void;
  /** The same as a promise. */
  settled(command: number): Promise<void>;
  /** Give memory back; an unfinished command may still use it. */
  free(address: number, bytes: number): void;
  /** Give back what finished commands no longer use. */
  drain(): void;
  /** End the engine's threads. Every later call is refused. */
  destroy(): void;
  /** Memory runs short: give back what can be, waiting for it where the thread may. */
  relieve(): void;
}
/** Why a destroyed device refuses. */
export const DESTROYED = "it was destroyed";
/** What an engine needs of the device's memory. */
export interface Room {
  readonly memory: WebAssembly.Memory;
  allocate(bytes: number): number;
  release(address: number): void;
}

/** May this thread block? A page's main thread may not; engines without shared memory have nothing to wait for. */
export function mayBlock(): boolean {
  if (typeof SharedArrayBuffer === "undefined") return true;
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1); // returns at once: the word is not 1
    return true;
  } catch {
    return false; // TypeError: only workers may
  }
}
