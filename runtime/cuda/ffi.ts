// The real driver: every call of `DriverCalls` bound to its C symbol through koffi, an optional package. The library is opened by name only, found by the
// system's loader. Whatever is missing is an error with the reason; nothing is tried instead.
import type * as Koffi from "koffi";
import { PullbackError } from "../errors/error.ts";
import type { Driver, DriverCalls } from "./driver.ts";

type Signature = readonly [symbol: string, ...parameters: readonly Parameter[]];
/** int, unsigned, size_t, CUdeviceptr and other 64-bit integers, handles and native addresses, memory of a typed array, text. */
type Parameter = "int" | "uint" | "size_t" | "uint64" | "uintptr_t" | "void *" | "str";

/** Symbols with the version that cuda.h 12.0 gives these names. */
const signatures: { readonly [K in keyof DriverCalls]: Signature } = {
  cuInit: ["cuInit", "uint"],
  cuDriverGetVersion: ["cuDriverGetVersion", "void *"],
  cuDeviceGetCount: ["cuDeviceGetCount", "void *"],
  cuDeviceGet: ["cuDeviceGet", "void *", "int"],
  cuDeviceGetName: ["cuDeviceGetName", "void *", "int", "int"],
  cuDeviceTotalMem: ["cuDeviceTotalMem_v2", "void *", "int"],
  cuDeviceGetAttribute: ["cuDeviceGetAttribute", "void *", "int", "int"],
  cuDevicePrimaryCtxRetain: ["cuDevicePrimaryCtxRetain", "void *", "int"],
  cuDevicePrimaryCtxRelease: ["cuDevicePrimaryCtxRelease_v2", "int"],
  cuCtxSetCurrent: ["cuCtxSetCurrent", "uintptr_t"],
  cuStreamCreate: ["cuStreamCreate", "void *", "uint"],
  cuStreamDestroy: ["cuStreamDestroy_v2", "uintptr_t"],
  cuStreamSynchronize: ["cuStreamSynchronize", "uintptr_t"],
  cuEventCreate: ["cuEventCreate", "void *", "uint"],
  cuEventDestroy: ["cuEventDestroy_v2", "uintptr_t"],
  cuEventRecord: ["cuEventRecord", "uintptr_t", "uintptr_t"],
  cuEventQuery: ["cuEventQuery", "uintptr_t"],
  cuEventSynchronize: ["cuEventSynchronize", "uintptr_t"],
  cuEventElapsedTime: ["cuEventElapsedTime", "void *", "uintptr_t", "uintptr_t"],
  cuMemAlloc: ["cuMemAlloc_v2", "void *", "size_t"],
  cuMemFree: ["cuMemFree_v2", "uint64"],
  cuMemAllocHost: ["cuMemAllocHost_v2", "void *", "size_t"],
  cuMemFreeHost: ["cuMemFreeHost", "uintptr_t"],
  cuMemGetInfo: ["cuMemGetInfo_v2", "void *", "void *"],
  cuMemcpyHtoDAsync: ["cuMemcpyHtoDAsync_v2", "uint64", "uintptr_t", "size_t", "uintptr_t"],
  cuMemcpyDtoHAsync: ["cuMemcpyDtoHAsync_v2", "uintptr_t", "uint64", "size_t", "uintptr_t"],
  cuMemcpyDtoDAsync: ["cuMemcpyDtoDAsync_v2", "uint64", "uint64", "size_t", "uintptr_t"],
  cuMemsetD8Async: ["cuMemsetD8Async", "uint64", "uint", "size_t", "uintptr_t"],
  cuModuleLoadDataEx: ["cuModuleLoadDataEx", "void *", "void *", "uint", "void *", "void *"],
  cuModuleUnload: ["cuModuleUnload", "uintptr_t"],
  cuModuleGetFunction: ["cuModuleGetFunction", "void *", "uintptr_t", "str"],
  cuFuncGetAttribute: ["cuFuncGetAttribute", "void *", "int", "uintptr_t"],
  cuFuncSetAttribute: ["cuFuncSetAttribute", "uintptr_t", "int", "int"],
  cuOccupancyMaxActiveBlocksPerMultiprocessor: ["cuOccupancyMaxActiveBlocksPerMultiprocessor", "void *", "uintptr_t", "int", "size_t"],
  cuLaunchKernel: [
    "cuLaunchKernel",
    "uintptr_t",
    "uint",
    "uint",
    "uint",
    "uint",
    "uint",
    "uint",
    "uint",
    "uintptr_t",
    "uintptr_t",
    "uintptr_t",
  ],
  cuLaunchKernelEx: ["cuLaunchKernelEx", "void *", "uintptr_t", "uintptr_t", "uintptr_t"],
  cuGraphCreate: ["cuGraphCreate", "void *", "uint"],
  cuGraphDestroy: ["cuGraphDestroy", "uintptr_t"],
  cuGraphAddKernelNode: ["cuGraphAddKernelNode_v2", "void *", "uintptr_t", "void *", "size_t", "void *"],
  cuGraphAddMemcpyNode: ["cuGraphAddMemcpyNode", "void *", "uintptr_t", "void *", "size_t", "void *", "uintptr_t"],
  cuGraphKernelNodeSetAttribute: ["cuGraphKernelNodeSetAttribute", "uintptr_t", "int", "void *"],
  cuGraphInstantiateWithFlags: ["cuGraphInstantiateWithFlags", "void *", "uintptr_t", "uint64"],
  cuGraphExecDestroy: ["cuGraphExecDestroy", "uintptr_t"],
  cuGraphExecKernelNodeSetParams: ["cuGraphExecKernelNodeSetParams_v2", "uintptr_t", "uintptr_t", "void *"],
  cuGraphExecMemcpyNodeSetParams: ["cuGraphExecMemcpyNodeSetParams", "uintptr_t", "uintptr_t", "void *", "uintptr_t"],
  cuGraphLaunch: ["cuGraphLaunch", "uintptr_t", "uintptr_t"],
  cuTensorMapEncodeTiled: [
    "cuTensorMapEncodeTiled",
    "uintptr_t",
    "int",
    "uint",
    "uint64",
    "void *",
    "void *",
    "void *",
    "void *",
    "int",
    "int",
    "int",
    "int",
  ],
};

const unavailable = (reason: string, help: string, cause?: unknown): PullbackError =>
  new PullbackError("E0703", `the device "cuda" is unavailable: ${reason}`, { help, ...(cause === undefined ? {} : { cause }) });
const said = (e: unknown): string => (e instanceof Error ? e.message : String(e)).split("\n")[0] ?? "";

/** The driver in `library` (by default the system's). @throws E0703 without Node, koffi, the library, or one of the calls */
export function openDriver(library?: string): Driver {
  if (typeof process === "undefined" || typeof process.getBuiltinModule !== "function")
    throw unavailable("native libraries can be called from Node 20.16 or newer only", 'use "wasm"');
  const name = library ?? (process.platform === "win32" ? "nvcuda.dll" : "libcuda.so.1");
  const koffi = loadKoffi();
  let handle: Koffi.LibraryHandle;
  try {
    handle = koffi.load(name);
  } catch (e) {
    throw unavailable(`${name} cannot be opened (${said(e)})`, "install the NVIDIA driver; a CUDA toolkit is not needed", e);
  }
  const bind = ([symbol, ...parameters]: Signature): ((...args: unknown[]) => number) => {
    try {
      return handle.func(symbol, "int", [...parameters]);
    } catch (e) {
      throw unavailable(`${name} has no ${symbol}: the driver is too old`, "install a driver for CUDA 12.0 or newer (525 or newer)", e);
    }
  };
  const calls = Object.fromEntries(Object.entries(signatures).map(([call, signature]) => [call, bind(signature)]));
  return {
    ...(calls as unknown as DriverCalls), // one function for each key of the table, which are exactly those of DriverCalls
    hostView: (pointer, bytes) => koffi.view(pointer, bytes),
  };
}

function loadKoffi(): typeof Koffi {
  try {
    return process.getBuiltinModule("node:module").createRequire(import.meta.url)("koffi") as typeof Koffi; // the package's own types
  } catch (e) {
    throw unavailable(`the package koffi cannot be loaded (${said(e)})`, "npm install koffi", e);
  }
}
