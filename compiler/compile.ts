// THE TABLE OF CONTENTS: how a Func becomes an artifact. Each line is a pass with a name, and each result can be looked at:
// jit(f).lower(...args).text("func" | "optimized" | "kernels" | "wgsl" | "ptx" | "traffic").
import type { Artifact, DeviceTarget, PtxFeatures, WgslFeatures } from "../runtime/artifact.ts";
import type { Precision } from "../runtime/precision.ts";
import { unreachable } from "../runtime/errors/error.ts";
import { emitPtx } from "./emit/ptx/module.ts";
import { moduleText } from "./emit/wasm/encoder/text.ts";
import { emitModule } from "./emit/wasm/module.ts";
import { emitWgsl } from "./emit/wgsl/module.ts";
import type { Func } from "./ir/func.ts";
import { printFunc } from "./ir/print.ts";
import type { Schedule } from "./ir/schedule.ts";
import { gpuTemplates, templateOf, wasmTemplates, type Templates } from "./lower/attention.ts";
import { float8AsBytes } from "./lower/float8.ts";
import { lowerFunc } from "./lower/lower.ts";
import { printSchedule } from "./lower/print.ts";
import { shareKernels } from "./lower/same.ts";
import { prologueOf } from "./lower/tile/matrix/prologue.ts";
import type { Choose } from "./lower/tile/product/choice.ts";
import { perByteOf, type TileTarget } from "./lower/tile/target.ts";
import { tile } from "./lower/tile/tile.ts";
import { printTraffic, trafficOf, type Traffic } from "./lower/tile/traffic.ts";
import { optimize } from "./optimize/passes.ts";
import { requireDTypes } from "./precision.ts";

/** Inputs whose memory outputs may take over, by parameter index. */
export interface CompileOptions {
  readonly donate?: readonly boolean[];
  /** Of products of f32 that do not say themselves (default: the device's). */
  readonly precision?: Precision;
  /** Which of several ways to cut a product is taken (default: the likely best). */
  readonly choose?: Choose;
}

/** Func -> optimized Func -> Schedule of Kernels -> bytes. */
export function compile(func: Func, target: DeviceTarget, options: CompileOptions = {}): Artifact {
  const optimized = optimizeFor(func, target, options);
  requireDTypes(optimized, target);
  return emitSchedule(lower(optimized, target, options), target, options);
}
/** Schedule of Kernels -> bytes. */
export function emitSchedule(schedule: Schedule, target: DeviceTarget, options: CompileOptions = {}): Artifact {
  switch (target.kind) {
    case "wasm":
      return emitModule(schedule, target.features);
    case "cuda":
      return emitPtx(tile(schedule, tileTarget(target, options), options.choose), target.features);
    case "webgpu":
      return emitWgsl(tile(schedule, tileTarget(target, options), options.choose));
    default:
      return unreachable(target);
  }
}

/** Threads of a CUDA card that can shuffle. */
const WARP = 32;
/** Places of parameters that a shader may be given: 16 of the 64 KiB that every adapter has for one uniform buffer. */
const WORDS = 4096;
/** An adapter as what kernels are cut for. */
export const adapterTarget = ({ matrices, ...features }: WgslFeatures, precision: Precision = "default"): TileTarget => ({
  ...features,
  group: 64,
  double: false,
  packs: features.f16 ? ["f16", "bf16"] : ["bf16"],
  parameters: WORDS,
  ...(matrices && { matrices: { ...matrices, precision } }),
});
/** A card as what kernels are cut for. Matrix units and asynchronous copies are there from capability 80 on, those of `BulkStmt` on capability 90 alone (sm_90a). */
export function cardTarget(features: PtxFeatures, precision: Precision = features.precision ?? "default"): TileTarget {
  const { threads, sharedBytes, capability } = features,
    matrix = { precision, processors: features.processors, sharedBytes: features.sharedBytesOptIn, bulk: capability === 90 };
  return { threads, sharedBytes, group: 128, subgroup: WARP, double: true, packs: ["f16", "bf16"], ...(capability >= 80 && { matrix }) };
}
/** A GPU as what kernels are cut for. */
type Gpu = Exclude<DeviceTarget, { kind: "wasm" }>;
const tileTarget = (target: Gpu, { precision }: CompileOptions): TileTarget =>
  target.kind === "cuda" ? cardTarget(target.features, precision) : adapterTarget(target.features, precision);
const templatesOf = (target: DeviceTarget, options: CompileOptions): Templates =>
  target.kind === "wasm" ? wasmTemplates : gpuTemplates(tileTarget(target, options));
/** A composite stays where the target has a template for it. */
function optimizeFor(f: Func, target: DeviceTarget, options: CompileOptions): Func {
  const templates = templatesOf(target, options);
  return optimize(
    f,
    e => templateOf(e, templates) !== undefined,
    target.kind === "wasm" ? undefined : perByteOf(tileTarget(target, options)),
  );
}
function lower(f: Func, target: DeviceTarget, options: CompileOptions): Schedule {
  const templates = templatesOf(target, options),
    gpu = target.kind === "wasm" ? undefined : tileTarget(target, options);
  return shareKernels(
    float8AsBytes(
      lowerFunc(f, {
        donate: options.donate ?? [],
        products: gpu ? "fused" : "plain",
        templates,
        prologue: gpu && prologueOf(gpu),
        perByte: gpu && perByteOf(gpu),
      }),
    ),
  );
}
/** What a program moves on a GPU: launches and bytes of each kernel. */
export const traffic = (f: Func, target: Gpu, options: CompileOptions = {}): readonly Traffic[] =>
  trafficOf(tile(lower(optimizeFor(f, target, options), target, options), tileTarget(target, options), options.choose).steps);

/** The generated text of an artifact that is text. */
function textOf(a: Artifact): string {
  switch (a.kind) {
    case "ptx":
      return a.text;
    case "wgsl":
      return a.kernels.map(k => `// ${k.name}: ${k.groups} groups\n${k.code}`).join("\n");
    case "wasm":
      return moduleText(a.bytes);
    default:
      return unreachable(a);
  }
}

const WASM: DeviceTarget = { kind: "wasm", features: { fma: false, wide: false, threads: false } };
/** A stage of compilation that can be printed. */
export type Stage = "func" | "optimized" | "kernels" | "wat" | "wgsl" | "ptx" | "traffic";
const WEBGPU: DeviceTarget = { kind: "webgpu", features: { f16: false, subgroup: 1, threads: 256, sharedBytes: 16384 } };
const CUDA: Gpu = {
  kind: "cuda",
  features: { capability: 80, threads: 1024, sharedBytes: 49152, sharedBytesOptIn: 101376, processors: 108 },
};
/** Text of one stage, for the most modest target of its kind. `func` is the program as traced; `wgsl` are modules, one a kernel; `traffic` is what the kernels of `ptx` move. @throws E0705 for f64 as WGSL */
export function stageText(func: Func, stage: Stage, options: CompileOptions & { readonly sources?: boolean } = {}): string {
  const print = { sources: options.sources ?? false };
  switch (stage) {
    case "func":
      return printFunc(func, print);
    case "optimized":
      return printFunc(optimizeFor(func, WASM, options), print);
    case "kernels":
      return printSchedule(lower(optimizeFor(func, WASM, options), WASM, options), print);
    case "wat":
      return textOf(compile(func, WASM, options));
    case "wgsl":
    case "ptx":
      return textOf(compile(func, stage === "wgsl" ? WEBGPU : CUDA, options));
    case "traffic":
      return printTraffic(traffic(func, CUDA, options));
    default:
      return unreachable(stage);
  }
}
