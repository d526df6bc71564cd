// The structural types of WebGPU are those of the standard: what a browser or Dawn gives may be given to us without a cast. Checked by the compiler.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Gpu, GpuAdapter, GpuBuffer, GpuDevice } from "../../../runtime/webgpu/api.ts";
import { COMPUTE, MAP_READ, Usage } from "../../../runtime/webgpu/api.ts";

const fits = {
  gpu: (x: GPU): Gpu => x,
  adapter: (x: GPUAdapter): GpuAdapter => x,
  device: (x: GPUDevice): GpuDevice => x,
  buffer: (x: GPUBuffer): GpuBuffer => x,
};
test("a browser's objects fit the types, and constants are the standard's", async () => {
  assert.is(Object.keys(fits).length, 4);
  const { globals } = (await import("webgpu").catch(() => ({}))) as { readonly globals?: Record<string, Record<string, number>> };
  if (!globals) return; // the optional package is missing: the compiler has checked the types
  const { GPUBufferUsage: usage = {}, GPUMapMode: mode = {}, GPUShaderStage: stage = {} } = globals;
  assert.equal(
    [Usage.mapRead, Usage.copySrc, Usage.copyDst, Usage.uniform, Usage.storage, Usage.indirect, Usage.queryResolve],
    ["MAP_READ", "COPY_SRC", "COPY_DST", "UNIFORM", "STORAGE", "INDIRECT", "QUERY_RESOLVE"].map(name => usage[name]),
  );
  assert.equal([MAP_READ, COMPUTE], [mode["READ"], stage["COMPUTE"]]);
});

test.run();
