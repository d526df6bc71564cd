// Buffers of the user's and tensors on one GPUDevice: copies, and a tensor's own memory read and written by the user's shaders where it lies, in order with everything else.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  add,
  array,
  borrowGpuBuffer,
  fromGpuBuffer,
  jit,
  mul,
  setDefaultDevice,
  toGpuBuffer,
  wasm,
  zeros,
  type Borrowed,
  type Tensor,
} from "../../stdlib/index.ts";
import type { GpuBuffer, GpuHandle } from "../../runtime/webgpu/api.ts";
import { failure, onDevice, open } from "../runtime/webgpu/device.ts";

/** Doubles `count` f32 of a borrowed tensor with a shader of the user's. */
function doubled(
  { gpu, binding, first }: Borrowed,
  count: number,
  pipeline: GpuHandle & { getBindGroupLayout(i: number): GpuHandle },
): void {
  const group = gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries: [{ binding: 0, resource: binding }] });
  const encoder = gpu.createCommandEncoder(),
    pass = encoder.beginComputePass();
  assert.is(first < 64, true);
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(count, first + 1);
  pass.end();
  gpu.queue.submit([encoder.finish()]);
}
const SHADER = `@group(0) @binding(0) var<storage, read_write> data: array<f32>;
@compute @workgroup_size(1) fn main(@builtin(workgroup_id) at: vec3<u32>, @builtin(num_workgroups) n: vec3<u32>) {
  if (at.y == 0u) { let i = n.y - 1u + at.x; data[i] = 2.0 * data[i]; }
}`; // n.y - 1 is where the tensor begins

onDevice("a shader of the user's writes a tensor where it lies, between the calls before and after it", async () => {
  const device = await open({ heapBytes: 1 << 20 });
  setDefaultDevice(device);
  const { gpu } = device.timeline;
  const pipeline = (await gpu.createComputePipelineAsync({
    layout: "auto",
    compute: { module: gpu.createShaderModule({ code: SHADER }), entryPoint: "main" },
  })) as GpuHandle & { getBindGroupLayout(i: number): GpuHandle }; // every pipeline has it
  const pad = array([9]),
    plus = jit((x: Tensor) => add(x, 1));
  const x = plus(array([1, 2, 3])), // waits for its shader, and the user's commands behind it
    y = plus(zeros([1 << 20])); // the heap grows: everything moves
  const lent = borrowGpuBuffer(x, b => doubled(b, 3, pipeline), { writes: true }),
    z = plus(x);
  await lent;
  assert.equal(await z.tolistAsync(), [5, 7, 9]);
  assert.equal(await x.tolistAsync(), [4, 6, 8]);
  assert.equal([await pad.itemAsync(), (await y.data())[5]], [9, 1]);
  device.destroy();
});
onDevice("a tensor is copied out of its own memory by commands of the user's, and into tensors out of buffers", async () => {
  const device = await open();
  setDefaultDevice(device);
  const { gpu } = device.timeline;
  const mine: GpuBuffer = gpu.createBuffer({ size: 32, usage: 0x4 | 0x8 });
  const x = mul(array([1, 2, 3, 4]), 3);
  await borrowGpuBuffer(x, ({ buffer, offset, bytes }) => {
    const encoder = gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, offset, mine, 8, bytes);
    gpu.queue.submit([encoder.finish()]);
  });
  assert.equal(await fromGpuBuffer(mine, { shape: [2, 2], offset: 8 }).tolistAsync(), [
    [3, 6],
    [9, 12],
  ]);
  toGpuBuffer(array([7], { dtype: "i32" }), mine, 4);
  assert.is(await fromGpuBuffer(mine, { shape: [], dtype: "i32", offset: 4 }).itemAsync(), 7);
  mine.destroy();
  device.destroy();
});
onDevice("commands that fail are told to who borrowed; what they were to write is void, what they only read is not", async () => {
  const device = await open();
  setDefaultDevice(device);
  const wrong = ({ gpu, buffer }: Borrowed): void => {
    const encoder = gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, 2, buffer, 0, 4); // not a whole number of words
    gpu.queue.submit([encoder.finish()]);
  };
  const x = array([1]);
  assert.match(String(await failure(borrowGpuBuffer(x, wrong))), /E0707/);
  assert.is(await x.itemAsync(), 1);
  const thrown = failure(
    borrowGpuBuffer(x, () => {
      throw new Error("mine");
    }),
  );
  assert.match(String(await thrown), /^Error: mine/);
  assert.match(String(await failure(borrowGpuBuffer(x, wrong, { writes: true }))), /E0707/);
  assert.match(String(await failure(x.data())), /E0707/);
  const gone = array([1]);
  gone.dispose();
  assert.match(String(await failure(borrowGpuBuffer(gone, wrong))), /E0701/);
  device.destroy();
});
onDevice("a tensor elsewhere has no GPUBuffer", async () => {
  const device = await open();
  const x = array([1], { device: wasm({ threads: 1 }) });
  assert.match(String(await failure(borrowGpuBuffer(x, () => undefined))), /E0709: a tensor on wasm [^]*toDevice/);
  device.destroy();
});

test.run();
