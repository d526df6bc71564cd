// Loaded PTX: a module is assembled by the driver once, kept by its text, and unloaded with its last user. What the driver's assembler says is shown whole.
import type { PtxArtifact, PtxKernel, PtxTensor } from "../artifact.ts";
import { InternalError } from "../errors/error.ts";
import type { Calls } from "./calls.ts";
import { functionAttribute, jitOption } from "./driver.ts";
import { CudaError } from "./error.ts";
import type { NativePage } from "./page.ts";
import type { LaunchShape } from "./structs.ts";

/** An entry point that is ready to be launched. */
export interface LoadedKernel {
  readonly name: string;
  readonly fn: bigint;
  readonly shape: LaunchShape;
  readonly params: number;
  readonly tensors: readonly PtxTensor[];
}
interface Loaded {
  readonly handle: bigint;
  users: number;
}
/** Failures that say something about the text: the log is shown. */
const REFUSED_TEXT: readonly number[] = [1, 200, 209, 218, 221, 222, 223, 300, 500];

/** The modules of one device, by text. */
export class Modules {
  private readonly calls: Calls;
  private readonly page: NativePage;
  private readonly byText = new Map<string, Loaded>();

  constructor(calls: Calls, page: NativePage) {
    this.calls = calls;
    this.page = page;
  }
  /** Modules that are loaded now. */
  get count(): number {
    return this.byText.size;
  }
  /** The kernels of a program, by number. Each `load` needs a `release`. @throws CudaError with the assembler's log when the text is refused */
  load(artifact: PtxArtifact): LoadedKernel[] {
    const module = this.byText.get(artifact.text) ?? { handle: this.assemble(artifact.text), users: 0 };
    module.users++;
    this.byText.set(artifact.text, module);
    try {
      return artifact.kernels.map(k => this.kernel(module.handle, k));
    } catch (e) {
      this.release(artifact);
      throw e;
    }
  }
  /** The end of one `load`. */
  release({ text }: PtxArtifact): void {
    const module = this.byText.get(text);
    if (!module) throw new InternalError("release of a module that is not loaded");
    if (--module.users > 0) return;
    this.byText.delete(text);
    this.calls.free("cuModuleUnload", "unloading a program", module.handle);
  }

  private assemble(text: string): bigint {
    const out = new BigUint64Array(1),
      { info, error } = this.page.logs(),
      keys = Int32Array.of(jitOption.infoLog, jitOption.infoLogBytes, jitOption.errorLog, jitOption.errorLogBytes),
      values = BigUint64Array.of(info.pointer, BigInt(info.bytes.length), error.pointer, BigInt(error.bytes.length));
    const result = this.calls.ask(
      "cuModuleLoadDataEx",
      REFUSED_TEXT,
      "assembling a program",
      out,
      new TextEncoder().encode(`${text}\0`),
      keys.length,
      keys,
      values,
    );
    if (result !== 0)
      throw new CudaError(
        { call: "cuModuleLoadDataEx", result, doing: "assembling a program" },
        [textOf(error.bytes), textOf(info.bytes), text].filter(t => t !== "").join("\n\n"),
      );
    return out[0] ?? 0n;
  }
  private kernel(module: bigint, k: PtxKernel): LoadedKernel {
    const out = new BigUint64Array(1),
      dynamicSharedBytes = k.dynamicSharedBytes ?? 0;
    this.calls.do("cuModuleGetFunction", `looking for the entry point ${k.entry}`, out, module, k.entry);
    const fn = out[0] ?? 0n;
    if (dynamicSharedBytes > 0)
      this.calls.do(
        "cuFuncSetAttribute",
        `asking for ${dynamicSharedBytes} bytes of shared memory for ${k.entry}`,
        fn,
        functionAttribute.maxDynamicSharedBytes,
        dynamicSharedBytes,
      );
    return {
      name: k.entry,
      fn,
      shape: { grid: k.groups, block: k.threads, dynamicSharedBytes, cluster: k.cluster ?? 1 },
      params: k.params.length,
      tensors: k.tensors ?? [],
    };
  }
}

const textOf = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(bytes.slice(0, end < 0 ? bytes.length : end)).trim();
};
