// Where compiled functions run: one memory, whatever is behind it, WebAssembly's (wasm.ts) or a GPU's (webgpu.ts). The device in force is the one that was opened last.
import type { HostArray } from "../dtype.ts";
import { LaunchError } from "./error.ts";
import type { CompiledFunction, Plan } from "./format.ts";
import { addresses } from "./memory.ts";

/** A loaded function: `run` over the addresses of its inputs, results and memory of its own. A promise where it must look at a value on the way. */
export interface Program extends Plan {
  run(ins: readonly number[], outs: readonly number[], arena: number): Promise<void> | undefined;
}
/** What is behind a device. Addresses are bytes, multiples of 64. All but `kind`, `name` and `close` is internal. */
export interface Backend {
  readonly kind: "wasm" | "webgpu";
  readonly name: string;
  /** Make the memory larger by at least so many bytes, if that can be; gives its size. */
  grow(more: number): number;
  write(at: number, data: HostArray): void;
  read(at: number, bytes: number): Promise<ArrayBuffer>;
  /** `allocate` gives memory that the program keeps. @throws E0703 when the function was not compiled for this backend */
  load(f: CompiledFunction, allocate: (bytes: number) => number): Promise<Program>;
  close(): void;
}
/** Opens a backend. @throws E0703 with the reason when there is none */
export type Opener = () => Promise<Backend>;
/** A piece of memory, counted: a result may be an argument's. */
export interface Block {
  readonly at: number;
  refs: number;
}

/** An open device. `name` and `reason` say where programs run, and why not elsewhere; `close()` gives the memory back, and what is on the device cannot be read any more. */
export interface LaunchDevice extends Backend {
  /** Why an earlier choice is not this device; undefined when it is the first. */
  readonly reason: string | undefined;
  /** Bytes in use. */
  live(): number;
  /** Internal. @throws E0702 */
  allocate(bytes: number): Block;
  /** Internal: one holder less. */
  release(block: Block): void;
  /** Internal: blocks are released when their owners are forgotten. */
  readonly forgotten: FinalizationRegistry<Block>;
}
function deviceOn(backend: Backend, reason: string | undefined): LaunchDevice {
  const { take, give, live } = addresses(backend.grow(0), backend.grow);
  const release = (block: Block): void => {
    if (--block.refs === 0) give(block.at);
  };
  return {
    ...backend,
    reason,
    live,
    allocate(bytes) {
      const at = take(bytes);
      if (at === undefined)
        throw new LaunchError(
          "E0702",
          `out of memory: ${bytes} bytes requested, ${live()} live`,
          "dispose of results, or donate arguments",
        );
      return { at, refs: 1 };
    },
    release,
    forgotten: new FinalizationRegistry(release),
  };
}

let device: LaunchDevice | undefined, opening: Promise<LaunchDevice> | undefined;
/** The device in force, if one is open. */
export const currentDevice = (): LaunchDevice | undefined => device;
/** The device in force; the first of `openers` that works when none is open. */
export const someDevice = (openers: readonly Opener[]): Promise<LaunchDevice> => (opening ??= openDevice(...openers));

/** Open the first that there is, and use it from now on: `await openDevice(webgpu, wasm)`. Tensors stay where they are, and calls with them too.
 *  @throws E0703 with the reasons when there is none */
export function openDevice(...openers: readonly Opener[]): Promise<LaunchDevice> {
  const open = async (): Promise<LaunchDevice> => {
    const reasons: string[] = [];
    for (const opener of openers)
      try {
        return (device = deviceOn(await opener(), reasons.join("; ") || undefined));
      } catch (e) {
        reasons.push(String(e).replace(/^.*E0703: |\n[^]*/g, ""));
      }
    throw new LaunchError("E0703", reasons.join("; "));
  };
  const made = (opening = open());
  made.catch(() => (opening = undefined));
  return made;
}
