// WebGPU: one buffer holds every tensor, a call is one submit. Only a loop or a branch that a value on the device decides makes the host look at it on the way.
import type { Gpu, GpuBuffer, GpuDevice, GpuEncoder, GpuHandle, GpuPass } from "../webgpu/api.ts";
import type { Backend, Program } from "./device.ts";
import { LaunchError } from "./error.ts";
import { unpack, type WgslCode } from "./format.ts";
import { walk, type Look } from "./walk.ts";

// Bits of GPUBufferUsage, GPUShaderStage and GPUMapMode; runtime/webgpu has them by name, as an object that no bundle needs.
const HEAP = 0x80 | 0x8 | 0x4, // storage, copyDst, copySrc
  UNIFORMS = 0x40 | 0x8, // uniform, copyDst
  STAGING = 0x8 | 0x1, // copyDst, mapRead
  COMPUTE = 0x4,
  MAP_READ = 0x1;
const MIB = 1 << 20,
  STRIDE = 256, // parameters of a dispatch begin at multiples of so many bytes,
  WINDOW = 16384, // and are at most as many
  MOST = 65535; // workgroups a dimension

/** Opens the GPU of `gpu`, by default the browser's. @throws E0703 with the reason */
export async function webgpu(gpu: Gpu | undefined = browserGpu()): Promise<Backend> {
  let reason = "there is no navigator.gpu";
  try {
    const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" });
    if (adapter) {
      const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits,
        device = await adapter.requestDevice({ requiredLimits: { maxBufferSize, maxStorageBufferBindingSize } });
      return backendOn(device, `WebGPU (${adapter.info?.vendor})`);
    }
    if (gpu) reason = "there is no adapter";
  } catch (e) {
    reason = String(e);
  }
  throw new LaunchError("E0703", `WebGPU is unavailable: ${reason}`);
}
const browserGpu = (): Gpu | undefined => (globalThis.navigator as { readonly gpu?: Gpu } | undefined)?.gpu; // present where WebGPU is

function backendOn(gpu: GpuDevice, name: string): Backend {
  const { queue, limits } = gpu,
    most = Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize);
  const buffer = (size: number, usage = HEAP): GpuBuffer => gpu.createBuffer({ size, usage });
  const group = gpu.createBindGroupLayout({
    entries: [
      { binding: 0, visibility: COMPUTE, buffer: { type: "storage" } },
      { binding: 1, visibility: COMPUTE, buffer: { type: "uniform", hasDynamicOffset: true } },
    ],
  });
  const layout = gpu.createPipelineLayout({ bindGroupLayouts: [group] }),
    uniforms = buffer(MIB + WINDOW, UNIFORMS),
    words = new Uint32Array(MIB / 4); // parameters of what is recorded
  let heap = buffer(16 * MIB),
    used = 0,
    bound: GpuHandle | undefined,
    encoder: GpuEncoder | undefined,
    pass: GpuPass | undefined,
    fault: Error | undefined,
    confirmed: Promise<void> = Promise.resolve();
  void gpu.lost.then(({ message }) => (fault = new LaunchError("E0704", `the device ${name} was lost: ${message}`, "open one again")));

  /** Does `work`. What the driver says against it is heard later: by reads, and by whatever is done from then on. @throws what it has said before */
  const guarded = (work: () => void): void => {
    if (fault) throw fault;
    const filters = ["out-of-memory", "validation"] as const;
    filters.forEach(f => gpu.pushErrorScope(f));
    work();
    for (const _ of filters) {
      const said = gpu.popErrorScope().then(
        e => {
          if (e) fault ??= new LaunchError("E0707", `the driver refused: ${e.message}`);
        },
        () => gpu.lost,
      );
      const before = confirmed;
      confirmed = said.then(() => before); // not Promise.all, whose results would pile up
    }
  };
  const copy = (from: GpuBuffer, at: number, to: GpuBuffer, size: number): void => {
    const copies = gpu.createCommandEncoder();
    copies.copyBufferToBuffer(from, at, to, 0, size);
    queue.submit([copies.finish()]);
  };
  const dispatch = (pipeline: GpuHandle, groups: number, parameters: readonly number[]): void => {
    const bytes = Math.ceil((4 * parameters.length) / STRIDE) * STRIDE;
    if (used + bytes > MIB) submit();
    bound ??= gpu.createBindGroup({
      layout: group,
      entries: [
        { binding: 0, resource: { buffer: heap } },
        { binding: 1, resource: { buffer: uniforms, size: WINDOW } },
      ],
    });
    encoder ??= gpu.createCommandEncoder();
    pass ??= encoder.beginComputePass();
    words.set(parameters, used / 4);
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bound, [used]);
    pass.dispatchWorkgroups(Math.min(groups, MOST), Math.ceil(groups / MOST));
    used += bytes;
  };
  const submit = (): void => {
    const done = encoder;
    if (!done) return;
    pass?.end();
    guarded(() => {
      queue.writeBuffer(uniforms, 0, words, 0, used / 4);
      queue.submit([done.finish()]);
    });
    pass = encoder = undefined;
    used = 0;
  };
  const read = async (at: number, bytes: number): Promise<ArrayBuffer> => {
    const size = Math.ceil(bytes / 4) * 4 || 4,
      staging = buffer(size, STAGING);
    guarded(() => copy(heap, at, staging, size));
    await Promise.all([staging.mapAsync(MAP_READ), confirmed]).catch(() => gpu.lost);
    if (fault) throw fault;
    const data = staging.getMappedRange().slice(0, bytes);
    staging.destroy();
    return data;
  };
  const finish = async (steps: Generator<Look, void, number>, look: Look): Promise<void> => {
    for (let next: IteratorResult<Look, void> = { value: look }; !next.done; submit()) {
      const { at, array } = next.value,
        [value = 0] = new array(await read(at, array.BYTES_PER_ELEMENT));
      next = steps.next(value);
    }
  };
  return {
    kind: "webgpu",
    name,
    read,
    grow(more) {
      const old = heap,
        size = Math.min(Math.max(2 * old.size, Math.ceil((old.size + more) / MIB) * MIB), most);
      if (more > 0 && size >= old.size + more)
        guarded(() => {
          heap = buffer(size);
          bound = undefined;
          copy(old, 0, heap, old.size);
          old.destroy();
        });
      return heap.size;
    },
    write(at, { buffer: data, byteOffset, byteLength }) {
      const whole = new Uint8Array(Math.ceil(byteLength / 4) * 4); // blocks end at multiples of 64
      whole.set(new Uint8Array(data, byteOffset, byteLength));
      guarded(() => queue.writeBuffer(heap, at, whole));
    },
    async load({ name: called, wgsl }) {
      if (!wgsl) throw new LaunchError("E0703", `${called} was not compiled for WebGPU`);
      const code = JSON.parse(new TextDecoder().decode(await unpack(wgsl))) as WgslCode; // what the compiler wrote
      const pipelines = await Promise.all(
        [...code.kernels.map(k => k.code), ...(code.copy ? [code.copy] : [])].map(text =>
          gpu.createComputePipelineAsync({ layout, compute: { module: gpu.createShaderModule({ code: text }), entryPoint: "main" } }),
        ),
      ).catch((e: unknown) => {
        throw fault ?? new LaunchError("E0707", `the driver does not take a shader of ${called}: ${String(e)}`, undefined, e);
      });
      const run: Program["run"] = (ins, outs, arena) => {
        const places = code.slots.map(({ home: h }) =>
          h.kind === "arena" ? arena + h.offset : ((h.kind === "input" ? ins : outs)[h.index] ?? 0),
        );
        const steps = walk(code, places, (kernel, groups, parameters) => dispatch(pipelines[kernel] as GpuHandle, groups, parameters)), // one a kernel, then the copy's
          look = steps.next(0).value;
        submit();
        return look ? finish(steps, look) : undefined;
      };
      return { ...code, run };
    },
    close: () => gpu.destroy(),
  };
}
