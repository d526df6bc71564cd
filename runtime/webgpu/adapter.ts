// From what the user gives to a GPUDevice that has what we use: as much memory in one binding as the adapter allows, the features that make kernels better. Nothing is
// assumed: what is missing is said, with the reason.
import type { MatrixProduct, SubgroupMatrices, WgslFeatures } from "../artifact.ts";
import { PullbackError } from "../errors/error.ts";
import type { Gpu, GpuAdapter, GpuAdapterInfo, GpuDevice, GpuLimits } from "./api.ts";

/** Where the device comes from; the first that is given is used. Without any: `navigator.gpu`, else the package `webgpu` (Dawn) in Node. */
export interface AdapterOptions {
  /** A device of yours. It is used, never destroyed; its limits and features are what you asked for. */
  readonly device?: GpuDevice;
  readonly adapter?: GpuAdapter;
  readonly gpu?: Gpu;
  readonly powerPreference?: "low-power" | "high-performance";
}
/** A device, and whether it is ours to destroy. */
export interface Opened {
  readonly gpu: GpuDevice;
  readonly info: GpuAdapterInfo | undefined;
  readonly owned: boolean;
  /** What its shaders may say beside what every shader may. */
  readonly language?: Gpu["wgslLanguageFeatures"] | undefined;
}

const MATRICES = "chromium-experimental-subgroup-matrix",
  WANTED = ["shader-f16", "subgroups", "timestamp-query", MATRICES];
const LIMITS: readonly (keyof GpuLimits)[] = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxUniformBufferBindingSize",
  "minUniformBufferOffsetAlignment",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
];

/** @throws E0703 with the reason */
export async function openDevice(options: AdapterOptions): Promise<Opened> {
  const language = (options.gpu ?? browserGpu() ?? dawnGpu)?.wgslLanguageFeatures;
  if (options.device) return { gpu: options.device, info: options.device.adapterInfo, owned: false, language };
  const adapter = options.adapter ?? (await findAdapter(options));
  try {
    const gpu = await adapter.requestDevice({
      requiredFeatures: WANTED.filter(f => adapter.features.has(f)),
      requiredLimits: Object.fromEntries(LIMITS.map(name => [name, adapter.limits[name]])),
    });
    return { gpu, info: adapter.info ?? gpu.adapterInfo, owned: true, language: language ?? dawnGpu?.wgslLanguageFeatures };
  } catch (cause) {
    throw unavailable(`the adapter gives no device: ${words(cause)}`, "an adapter gives one device only: ask for a new adapter", cause);
  }
}

/** What WGSL may assume. */
export function wgslFeatures(opened: Opened): WgslFeatures {
  const { gpu, info } = opened,
    { features, limits } = gpu,
    matrices = matricesOf(opened);
  return {
    ...(matrices && { matrices }),
    f16: features.has("shader-f16"),
    subgroup: features.has("subgroups") ? (info?.subgroupMinSize ?? 4) : 1, // 4: no implementation may have smaller ones
    software: info?.isFallbackAdapter ?? false,
    threads: Math.min(limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX),
    sharedBytes: limits.maxComputeWorkgroupStorageSize,
  };
}

/** Subgroup matrices as kernels use them: subgroups of one size, which know their number; products with sums of f32, sides of whole vectors. What is f16 and what is larger comes first. */
function matricesOf({ gpu: { features }, info, language }: Opened): SubgroupMatrices | undefined {
  const threads = info?.subgroupMaxSize ?? 0;
  if (!features.has(MATRICES) || !features.has("subgroups") || !language?.has("subgroup_id")) return undefined;
  if (threads === 0 || info?.subgroupMinSize !== threads) return undefined;
  const products = (info.subgroupMatrixConfigs ?? []).flatMap(
    ({ componentType: dtype, resultComponentType, M: m, N: n, K: k }): MatrixProduct[] =>
      (dtype === "f32" || (dtype === "f16" && features.has("shader-f16"))) &&
      resultComponentType === "f32" &&
      [m, n, k].every(x => x % 8 === 0)
        ? [{ dtype, m, n, k }]
        : [],
  );
  if (products.length === 0) return undefined;
  return { threads, products: products.sort((x, y) => x.dtype.localeCompare(y.dtype) || y.m * y.n * y.k - x.m * x.n * x.k) };
}

async function findAdapter({ gpu: given, powerPreference }: AdapterOptions): Promise<GpuAdapter> {
  const gpu = given ?? browserGpu() ?? (await dawn());
  let adapter: GpuAdapter | null;
  try {
    adapter = await gpu.requestAdapter({ powerPreference: powerPreference ?? "high-performance" });
  } catch (cause) {
    throw unavailable(`there is no adapter: ${words(cause)}`, NO_ADAPTER, cause);
  }
  if (!adapter) throw unavailable("there is no adapter: no driver that WebGPU can use", NO_ADAPTER);
  return adapter;
}
const NO_ADAPTER =
  "install a graphics driver (a software one does: SwiftShader, Mesa's lavapipe; in Node, VK_ICD_FILENAMES names its file), or use wasm()";

const browserGpu = (): Gpu | undefined => (typeof navigator === "undefined" ? undefined : (navigator as { readonly gpu?: Gpu }).gpu); // present where WebGPU is

let dawnGpu: Gpu | undefined; // one a process, never collected: its finalizers take the process down while promises are open
async function dawn(): Promise<Gpu> {
  if (dawnGpu) return dawnGpu;
  if (typeof process === "undefined" || process.versions?.node === undefined)
    throw unavailable("this browser has no navigator.gpu", "use a browser with WebGPU on a secure (https or localhost) page, or wasm()");
  const peer = "webgpu"; // not a literal: bundlers for browsers need not find it
  let module: { create(flags: string[]): Gpu };
  try {
    module = (await import(/* @vite-ignore */ peer)) as typeof module; // the package's documented entry
  } catch (cause) {
    throw unavailable(`the optional package webgpu cannot be loaded: ${words(cause)}`, "npm install webgpu, or use wasm()", cause);
  }
  return (dawnGpu ??= module.create([]));
}

const unavailable = (reason: string, help: string, cause?: unknown): PullbackError =>
  new PullbackError("E0703", `the device "webgpu" is unavailable: ${reason}`, { help, ...(cause === undefined ? {} : { cause }) });
const words = (e: unknown): string => (e instanceof Error ? e.message : String(e));
