// The CUDA driver API as far as it is used, call by call: same names, same order of arguments, a result code each. Two things implement it: `ffi.ts` on the
// real library, and the tests' driver without a card. Handles are 64-bit numbers that mean nothing here; device addresses fit into 53 bits.

/** Where a call writes a handle or an address. */
export type Out64 = BigUint64Array;
/** Where a call writes an int. */
export type Out32 = Int32Array;

/** Each returns a CUresult. Host pointers (`bigint`) are native addresses, of memory from cuMemAllocHost. Byte structures are laid out in `structs.ts`. */
export interface DriverCalls {
  cuInit(flags: number): number;
  cuDriverGetVersion(version: Out32): number;
  cuDeviceGetCount(count: Out32): number;
  cuDeviceGet(device: Out32, ordinal: number): number;
  cuDeviceGetName(name: Uint8Array, length: number, device: number): number;
  cuDeviceTotalMem(bytes: Out64, device: number): number;
  cuDeviceGetAttribute(value: Out32, attribute: number, device: number): number;
  cuDevicePrimaryCtxRetain(context: Out64, device: number): number;
  cuDevicePrimaryCtxRelease(device: number): number;
  cuCtxSetCurrent(context: bigint): number;

  cuStreamCreate(stream: Out64, flags: number): number;
  cuStreamDestroy(stream: bigint): number;
  cuStreamSynchronize(stream: bigint): number;
  cuEventCreate(event: Out64, flags: number): number;
  cuEventDestroy(event: bigint): number;
  cuEventRecord(event: bigint, stream: bigint): number;
  cuEventQuery(event: bigint): number;
  cuEventSynchronize(event: bigint): number;
  cuEventElapsedTime(milliseconds: Float32Array, start: bigint, end: bigint): number;

  cuMemAlloc(address: Out64, bytes: number): number;
  cuMemFree(address: number): number;
  cuMemAllocHost(pointer: Out64, bytes: number): number;
  cuMemFreeHost(pointer: bigint): number;
  cuMemGetInfo(free: Out64, total: Out64): number;
  cuMemcpyHtoDAsync(to: number, from: bigint, bytes: number, stream: bigint): number;
  cuMemcpyDtoHAsync(to: bigint, from: number, bytes: number, stream: bigint): number;
  cuMemcpyDtoDAsync(to: number, from: number, bytes: number, stream: bigint): number;
  cuMemsetD8Async(to: number, value: number, bytes: number, stream: bigint): number;

  /** `image`: PTX that ends with a zero byte. */
  cuModuleLoadDataEx(module: Out64, image: Uint8Array, options: number, keys: Int32Array, values: BigUint64Array): number;
  cuModuleUnload(module: bigint): number;
  cuModuleGetFunction(fn: Out64, module: bigint, name: string): number;
  cuFuncGetAttribute(value: Out32, attribute: number, fn: bigint): number;
  cuFuncSetAttribute(fn: bigint, attribute: number, value: number): number;
  cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks: Out32, fn: bigint, threads: number, dynamicSharedBytes: number): number;

  /** `params`: native address of an array of pointers to the parameters. */
  cuLaunchKernel(
    fn: bigint,
    gridX: number,
    gridY: number,
    gridZ: number,
    blockX: number,
    blockY: number,
    blockZ: number,
    dynamicSharedBytes: number,
    stream: bigint,
    params: bigint,
    extra: bigint,
  ): number;
  cuLaunchKernelEx(config: Uint8Array, fn: bigint, params: bigint, extra: bigint): number;

  cuGraphCreate(graph: Out64, flags: number): number;
  cuGraphDestroy(graph: bigint): number;
  cuGraphAddKernelNode(node: Out64, graph: bigint, after: BigUint64Array, count: number, params: Uint8Array): number;
  cuGraphAddMemcpyNode(node: Out64, graph: bigint, after: BigUint64Array, count: number, copy: Uint8Array, context: bigint): number;
  cuGraphKernelNodeSetAttribute(node: bigint, attribute: number, value: Uint8Array): number;
  cuGraphInstantiateWithFlags(exec: Out64, graph: bigint, flags: number): number;
  cuGraphExecDestroy(exec: bigint): number;
  cuGraphExecKernelNodeSetParams(exec: bigint, node: bigint, params: Uint8Array): number;
  cuGraphExecMemcpyNodeSetParams(exec: bigint, node: bigint, copy: Uint8Array, context: bigint): number;
  cuGraphLaunch(exec: bigint, stream: bigint): number;

  /** `map`: native address of 128 bytes, aligned to 64. */
  cuTensorMapEncodeTiled(
    map: bigint,
    type: number,
    rank: number,
    address: number,
    dims: BigUint64Array,
    strides: BigUint64Array,
    box: Uint32Array,
    elementStrides: Uint32Array,
    interleave: number,
    swizzle: number,
    promotion: number,
    fill: number,
  ): number;
}
/** The driver, and the one thing that C gives for free: the host's memory at a native address. */
export interface Driver extends DriverCalls {
  /** The `bytes` bytes of cuMemAllocHost's memory at `pointer`. No copy. */
  hostView(pointer: bigint, bytes: number): ArrayBuffer;
}

/** CUdevice_attribute, as numbered in cuda.h, like all that follow. */
export const attribute = {
  maxThreadsPerBlock: 1,
  maxSharedPerBlock: 8,
  multiprocessors: 16,
  capabilityMajor: 75,
  capabilityMinor: 76,
  maxSharedPerBlockOptIn: 97,
} as const;
/** CUfunction_attribute. The last one can be set. */
export const functionAttribute = { sharedBytes: 1, registers: 4, maxDynamicSharedBytes: 8 } as const;
/** CUjit_option: where the assembler writes what it says. */
export const jitOption = { infoLog: 3, infoLogBytes: 4, errorLog: 5, errorLogBytes: 6 } as const;
/** CU_STREAM_NON_BLOCKING: not ordered with the legacy default stream of other code in the process. */
export const STREAM_NON_BLOCKING = 1;
/** CU_EVENT_DISABLE_TIMING. */
export const EVENT_DISABLE_TIMING = 2;
/** CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION. */
export const LAUNCH_CLUSTER = 4;
