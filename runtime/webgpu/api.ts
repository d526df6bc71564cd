// The part of WebGPU that is used, as structural types: a browser's GPUDevice, Dawn's in Node, Deno's and a test's wrapper all fit, and users need no ambient types.

/** GPUBufferUsage and GPUMapMode bits: Node has no such globals. */
export const Usage = {
  mapRead: 0x1,
  copySrc: 0x4,
  copyDst: 0x8,
  uniform: 0x40,
  storage: 0x80,
  indirect: 0x100,
  queryResolve: 0x200,
} as const;
/** GPUMapMode.READ. */
export const MAP_READ = 0x1;
/** GPUShaderStage.COMPUTE. */
export const COMPUTE = 0x4;

/** GPUBuffer. */
export interface GpuBuffer {
  readonly size: number;
  readonly usage: number;
  mapAsync(mode: number, offset?: number, size?: number): Promise<unknown>;
  getMappedRange(offset?: number, size?: number): ArrayBuffer;
  unmap(): void;
  destroy(): void;
}
/** GPUQuerySet. */
export interface GpuQuerySet {
  destroy(): void;
}
/** GPUBindGroup, GPUBindGroupLayout, GPUPipelineLayout, GPUShaderModule, GPUComputePipeline, GPUCommandBuffer: handles that are only passed on. */
export interface GpuHandle {
  label: string;
}
/** GPUComputePassEncoder. */
export interface GpuPass {
  setPipeline(pipeline: GpuHandle): void;
  setBindGroup(index: number, group: GpuHandle | null | undefined, offsets?: Iterable<number>): void;
  dispatchWorkgroups(x: number, y?: number, z?: number): void;
  dispatchWorkgroupsIndirect(buffer: GpuBuffer, offset: number): void;
  end(): void;
}
/** Where a pass writes its begin and end time. */
export interface GpuTimestampWrites {
  readonly querySet: GpuQuerySet;
  readonly beginningOfPassWriteIndex?: number;
  readonly endOfPassWriteIndex?: number;
}
/** GPUCommandEncoder. */
export interface GpuEncoder {
  beginComputePass(descriptor?: { timestampWrites?: GpuTimestampWrites }): GpuPass;
  copyBufferToBuffer(from: GpuBuffer, fromAt: number, to: GpuBuffer, toAt: number, bytes: number): void;
  resolveQuerySet(set: GpuQuerySet, first: number, count: number, to: GpuBuffer, toAt: number): void;
  finish(): GpuHandle;
}
/** GPUQueue. */
export interface GpuQueue {
  submit(commands: Iterable<GpuHandle>): void;
  writeBuffer(to: GpuBuffer, toAt: number, data: ArrayBufferView<ArrayBuffer>, from?: number, size?: number): void;
  onSubmittedWorkDone(): Promise<unknown>;
}
/** GPUError. */
export interface GpuError {
  readonly message: string;
}
/** GPUSupportedLimits, the ones that are asked for. */
export interface GpuLimits {
  readonly maxBufferSize: number;
  readonly maxStorageBufferBindingSize: number;
  readonly maxUniformBufferBindingSize: number;
  readonly minUniformBufferOffsetAlignment: number;
  readonly minStorageBufferOffsetAlignment: number;
  readonly maxComputeWorkgroupStorageSize: number;
  readonly maxComputeInvocationsPerWorkgroup: number;
  readonly maxComputeWorkgroupSizeX: number;
  readonly maxComputeWorkgroupsPerDimension: number;
}
/** GPUAdapterInfo. */
export interface GpuAdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  readonly subgroupMinSize?: number;
  readonly subgroupMaxSize?: number;
  /** Of Dawn's `chromium-experimental-subgroup-matrix`. */
  readonly subgroupMatrixConfigs?: readonly GpuMatrixConfig[];
  readonly isFallbackAdapter?: boolean;
}
/** GPUSubgroupMatrixConfig. */
export interface GpuMatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}
/** One entry of a bind group layout. */
export interface GpuLayoutEntry {
  readonly binding: number;
  readonly visibility: number;
  readonly buffer: { readonly type: "storage" | "uniform"; readonly hasDynamicOffset?: boolean; readonly minBindingSize?: number };
}
/** One entry of a bind group: the resource is { buffer, size? }. */
export interface GpuBinding {
  readonly binding: number;
  readonly resource: object;
}
/** What a compute pipeline is made of. */
export interface GpuPipelineDescriptor {
  readonly label?: string;
  readonly layout: GpuHandle | "auto";
  readonly compute: { readonly module: GpuHandle; readonly entryPoint?: string };
}
/** GPUDevice. */
export interface GpuDevice {
  readonly features: { has(name: string): boolean };
  readonly limits: GpuLimits;
  readonly queue: GpuQueue;
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>;
  readonly adapterInfo?: GpuAdapterInfo;
  createBuffer(descriptor: { size: number; usage: number; label?: string }): GpuBuffer;
  createQuerySet(descriptor: { type: "timestamp"; count: number }): GpuQuerySet;
  createShaderModule(descriptor: { code: string; label?: string }): GpuHandle;
  createBindGroupLayout(descriptor: { entries: GpuLayoutEntry[] }): GpuHandle;
  createPipelineLayout(descriptor: { bindGroupLayouts: (GpuHandle | null | undefined)[] }): GpuHandle;
  createBindGroup(descriptor: { layout: GpuHandle; entries: GpuBinding[] }): GpuHandle;
  createComputePipelineAsync(descriptor: GpuPipelineDescriptor): Promise<GpuHandle>;
  createCommandEncoder(): GpuEncoder;
  addEventListener?(type: "uncapturederror", listener: (event: { readonly error: GpuError }) => void): void;
  pushErrorScope(filter: "validation" | "out-of-memory" | "internal"): void;
  popErrorScope(): Promise<GpuError | null>;
  destroy(): void;
}
/** GPUAdapter. */
export interface GpuAdapter {
  readonly features: { has(name: string): boolean };
  readonly limits: GpuLimits;
  readonly info?: GpuAdapterInfo;
  requestDevice(descriptor?: { requiredFeatures?: string[]; requiredLimits?: Record<string, number | undefined> }): Promise<GpuDevice>;
}
/** `navigator.gpu`. */
export interface Gpu {
  readonly wgslLanguageFeatures?: { has(name: string): boolean };
  requestAdapter(options?: { powerPreference?: "low-power" | "high-performance" }): Promise<GpuAdapter | null>;
}
