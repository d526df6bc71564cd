// The bindings, argument by argument, on a small C library with the driver's symbols: what is passed arrives, what is written comes back, codes are returned.
// Where cuda.h is installed the library's definitions are checked against it, so that the types are the driver's and not only ours.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import koffi from "koffi";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Calls } from "../../runtime/cuda/calls.ts";
import type { Driver } from "../../runtime/cuda/driver.ts";
import { openDriver } from "../../runtime/cuda/ffi.ts";
import { NativePage } from "../../runtime/cuda/page.ts";
import { clusterAttribute, clusterValue, copyNode, kernelNode, launchConfig } from "../../runtime/cuda/structs.ts";
import { encodeTensorMap } from "../../runtime/cuda/tensormap.ts";
import { cCompiler, cudaHeader } from "../support/drivers.ts";
import { withDrivers } from "../support/skip.ts";

const folder = mkdtempSync(join(tmpdir(), "pullback-cuda-"));
const source = fileURLToPath(new URL("driver.c", import.meta.url));
test.after(() => rmSync(folder, { recursive: true }));

function compile(compiler: string, name: string, ...flags: string[]): string {
  const library = join(folder, `${name}.so`);
  execFileSync(compiler, ["-Wall", "-Werror", "-fPIC", "-shared", "-o", library, source, ...flags]);
  return library;
}
const withCompiler = withDrivers([cCompiler()]);

withCompiler("every call reaches the library with its arguments, and brings back what the library gives", compiler => {
  const library = compile(compiler, "driver"),
    driver = openDriver(library),
    own = koffi.load(library),
    heard = own.func("last_heard", "str", []) as () => string, // the function's own type
    nextCode = own.func("next_code", "void", ["int"]) as (code: number) => void; // likewise
  const int = new Int32Array(1),
    long = new BigUint64Array(1),
    float = new Float32Array(1);
  const page = new NativePage(new Calls(driver)),
    address = 0x7f2012345678,
    wide = 2 ** 40 + 5;
  page.set(0, 1);
  page.set(1, address);
  page.attribute.bytes.set(clusterAttribute(4));
  const shape = { grid: 7, block: 128, dynamicSharedBytes: 70000, cluster: 4 },
    fn = 0x7ffff0000005n,
    stream = 0x7ffff0000002n;
  const after = BigUint64Array.of(0x7ffff0000017n);
  const host = new BigUint64Array(1);
  driver.cuMemAllocHost(host, 64);
  const pinned = host[0] ?? 0n,
    view = new Uint8Array(driver.hostView(pinned, 64));
  assert.is(view[63], 5);
  view[0] = 77;
  const name = new Uint8Array(32);

  type Case = readonly [said: string, code: number, given?: () => unknown, value?: unknown];
  const seen = (code: number): string => (assert.is(code, 0), heard());
  const given32 = (): number => int[0] ?? 0,
    given64 = (): bigint => long[0] ?? 0n;
  const cases: readonly (() => Case)[] = [
    () => ["cuInit 0", driver.cuInit(0)],
    () => ["cuDriverGetVersion", driver.cuDriverGetVersion(int), given32, 12040],
    () => ["cuDeviceGetCount", driver.cuDeviceGetCount(int), given32, 3],
    () => ["cuDeviceGet 2", driver.cuDeviceGet(int, 2), given32, 12],
    () => [
      "cuDeviceGetName 32 12",
      driver.cuDeviceGetName(name, 32, 12),
      () => new TextDecoder().decode(name.subarray(0, name.indexOf(0))),
      "Paper card",
    ],
    () => ["cuDeviceTotalMem 12", driver.cuDeviceTotalMem(long, 12), given64, 150000000000n],
    () => ["cuDeviceGetAttribute 75 12", driver.cuDeviceGetAttribute(int, 75, 12), given32, 525],
    () => ["cuDevicePrimaryCtxRetain 12", driver.cuDevicePrimaryCtxRetain(long, 12), given64, 0x7ffff0000001n],
    () => ["cuDevicePrimaryCtxRelease 12", driver.cuDevicePrimaryCtxRelease(12)],
    () => ["cuCtxSetCurrent 7ffff0000001", driver.cuCtxSetCurrent(0x7ffff0000001n)],
    () => ["cuStreamCreate 1", driver.cuStreamCreate(long, 1), given64, stream],
    () => ["cuStreamDestroy 7ffff0000002", driver.cuStreamDestroy(stream)],
    () => ["cuStreamSynchronize 7ffff0000002", driver.cuStreamSynchronize(stream)],
    () => ["cuEventCreate 2", driver.cuEventCreate(long, 2), given64, 0x7ffff0000003n],
    () => ["cuEventDestroy 7ffff0000003", driver.cuEventDestroy(0x7ffff0000003n)],
    () => ["cuEventRecord 7ffff0000003 7ffff0000002", driver.cuEventRecord(0x7ffff0000003n, stream)],
    () => ["cuEventQuery 7ffff0000003", driver.cuEventQuery(0x7ffff0000003n)],
    () => ["cuEventSynchronize 7ffff0000003", driver.cuEventSynchronize(0x7ffff0000003n)],
    () => ["cuEventElapsedTime 3 4", driver.cuEventElapsedTime(float, 3n, 4n), () => float[0], 1.5],
    () => [`cuMemAlloc ${wide}`, driver.cuMemAlloc(long, wide), given64, 0x7f2012345600n],
    () => ["cuMemFree 7f2012345678", driver.cuMemFree(address)],
    () => ["cuMemGetInfo", driver.cuMemGetInfo(long, new BigUint64Array(1)), given64, 5n],
    () => [`cuMemcpyHtoDAsync 7f2012345678 77 ${wide} 7ffff0000002`, driver.cuMemcpyHtoDAsync(address, pinned, wide, stream)],
    () => ["cuMemcpyDtoHAsync 7f2012345678 64 7ffff0000002", driver.cuMemcpyDtoHAsync(pinned, address, 64, stream), () => view[63], 9],
    () => [`cuMemcpyDtoDAsync 7f2012345678 10 ${wide} 7ffff0000002`, driver.cuMemcpyDtoDAsync(address, 16, wide, stream)],
    () => [`cuMemsetD8Async 7f2012345678 255 ${wide} 7ffff0000002`, driver.cuMemsetD8Async(address, 255, wide, stream)],
    () => ["cuModuleUnload 7ffff0000004", driver.cuModuleUnload(0x7ffff0000004n)],
    () => ["cuModuleGetFunction 7ffff0000004 add_0", driver.cuModuleGetFunction(long, 0x7ffff0000004n, "add_0"), given64, fn],
    () => ["cuFuncGetAttribute 4 7ffff0000005", driver.cuFuncGetAttribute(int, 4, fn), given32, 40],
    () => ["cuFuncSetAttribute 7ffff0000005 8 70000", driver.cuFuncSetAttribute(fn, 8, 70000)],
    () => ["cuOccupancy 7ffff0000005 128 70000", driver.cuOccupancyMaxActiveBlocksPerMultiprocessor(int, fn, 128, 70000), given32, 6],
    () => [
      "cuLaunchKernel 7ffff0000005 1 2 3 4 5 6 7 7ffff0000002 7f2012345678 0",
      driver.cuLaunchKernel(fn, 1, 2, 3, 4, 5, 6, 7, stream, page.params, 0n),
    ],
    () => [
      "cuLaunchKernelEx 7 1 1 128 1 1 70000 7ffff0000002 1 4 4 7ffff0000005 7f2012345678 0",
      driver.cuLaunchKernelEx(launchConfig(shape, stream, page.attribute.pointer), fn, page.params, 0n),
    ],
    () => ["cuGraphCreate 0", driver.cuGraphCreate(long, 0), given64, 0x7ffff0000006n],
    () => ["cuGraphDestroy 7ffff0000006", driver.cuGraphDestroy(0x7ffff0000006n)],
    () => [
      "cuGraphAddKernelNode 7ffff0000006 7ffff0000017 1 7ffff0000005 7 1 1 128 1 1 70000 7f2012345678 0",
      driver.cuGraphAddKernelNode(long, 0x7ffff0000006n, after, 1, kernelNode(fn, shape, page.params)),
      given64,
      0x7ffff0000007n,
    ],
    () => [
      `cuGraphAddMemcpyNode 7ffff0000006 7ffff0000017 2 10 2 7f2012345678 ${wide} 1 1 7ffff0000001`,
      driver.cuGraphAddMemcpyNode(long, 0x7ffff0000006n, after, 1, copyNode(address, 16, wide), 0x7ffff0000001n),
      given64,
      0x7ffff0000008n,
    ],
    () => ["cuGraphKernelNodeSetAttribute 7ffff0000007 4 4 1 1", driver.cuGraphKernelNodeSetAttribute(0x7ffff0000007n, 4, clusterValue(4))],
    () => [
      "cuGraphInstantiateWithFlags 7ffff0000006 0",
      driver.cuGraphInstantiateWithFlags(long, 0x7ffff0000006n, 0),
      given64,
      0x7ffff0000009n,
    ],
    () => ["cuGraphExecDestroy 7ffff0000009", driver.cuGraphExecDestroy(0x7ffff0000009n)],
    () => [
      "cuGraphExecKernelNodeSetParams 7ffff0000009 7ffff0000007 7ffff0000005 128",
      driver.cuGraphExecKernelNodeSetParams(0x7ffff0000009n, 0x7ffff0000007n, kernelNode(fn, shape, page.params)),
    ],
    () => [
      "cuGraphExecMemcpyNodeSetParams 7ffff0000009 7ffff0000008 2 10 2 7f2012345678 64 1 1 7ffff0000001",
      driver.cuGraphExecMemcpyNodeSetParams(0x7ffff0000009n, 0x7ffff0000008n, copyNode(address, 16, 64), 0x7ffff0000001n),
    ],
    () => ["cuGraphLaunch 7ffff0000009 7ffff0000002", driver.cuGraphLaunch(0x7ffff0000009n, stream)],
    () => ["cuMemFreeHost", driver.cuMemFreeHost(pinned)],
  ];
  const called = new Set<string>();
  for (const make of cases) {
    const [said, code, given, value] = make();
    called.add((said.split(" ")[0] ?? "").replace("cuOccupancy", "cuOccupancyMaxActiveBlocksPerMultiprocessor"));
    assert.is(seen(code), said);
    if (given) assert.is(given(), value, said);
  }
  const spec = { dtype: "bf16", dims: [4096, 128], strides: [8192], box: [64, 128], swizzle: 128 } as const;
  encodeTensorMap(new Calls(driver), page.attribute.pointer, address, spec);
  assert.is(heard(), "cuTensorMapEncodeTiled 9 2 7f2012345678 4096,128 8192 64,128 1,1 0 3 2 0");
  assert.is(page.attribute.bytes[127], 7);

  const { error } = page.logs();
  nextCode(218);
  const keys = Int32Array.of(3, 4, 5, 6),
    values = BigUint64Array.of(1n, 99n, error.pointer, 4096n);
  assert.is(driver.cuModuleLoadDataEx(long, new TextEncoder().encode(".version 7.0\0"), 4, keys, values), 218);
  assert.is(heard(), "cuModuleLoadDataEx .version 7.0 4 99");
  assert.is(new TextDecoder().decode(error.bytes.subarray(0, error.bytes.indexOf(0))), "ptxas error: line 3");
  const bound = Object.keys(driver).filter((k): k is keyof Driver => k.startsWith("cu"));
  assert.equal(
    bound.filter(k => !called.has(k) && !["cuMemAllocHost", "cuModuleLoadDataEx", "cuTensorMapEncodeTiled"].includes(k)),
    [],
    "calls that nobody has tried",
  );
});
withDrivers([cCompiler(), cudaHeader()])("the symbols have the types that cuda.h declares", (compiler, include) => {
  compile(compiler, "checked", "-DCUDA_H", "-I", include);
});
withCompiler("a driver that lacks a call is too old, and the message names the call", compiler => {
  const library = compile(compiler, "old", "-DcuTensorMapEncodeTiled=cuTensorMapEncodeFuture");
  assert.throws(() => openDriver(library), /E0703.*has no cuTensorMapEncodeTiled: the driver is too old/);
});
test("without the library the device is unavailable, and the message says which library", () => {
  assert.throws(
    () => openDriver("libcuda-that-nobody-has.so.1"),
    /E0703: the device "cuda" is unavailable: libcuda-that-nobody-has.so.1 cannot be opened/,
  );
});

test.run();
