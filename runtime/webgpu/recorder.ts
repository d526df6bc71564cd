// Records dispatches into one command encoder and one compute pass. Parameters of all dispatches go into one uniform buffer, written just before the submit:
// WebGPU keeps writes and submits in order, so the next recording may use the same buffer at once. Full, it is submitted and begun anew.
import { InternalError } from "../errors/error.ts";
import { Usage, type GpuBinding, type GpuBuffer, type GpuEncoder, type GpuHandle, type GpuPass } from "./api.ts";
import type { Heap } from "./heap.ts";
import { parameterBytes, type Pipeline, type Pipelines } from "./pipelines.ts";
import { split } from "./plan.ts";
import type { Profile } from "./profile.ts";
import type { Timeline } from "./timeline.ts";

const PARAMETER_BYTES = 1 << 20;

interface Bound {
  readonly heap: GpuBuffer;
  readonly group: GpuHandle;
}

/** What is recorded into. One of a device; a recording is finished before the next begins. */
export class Recorder {
  readonly timeline: Timeline;
  profile: Profile | undefined;
  private readonly heap: Heap;
  private readonly pipelines: Pipelines;
  private readonly uniforms: GpuBuffer;
  private readonly words = new Uint32Array(PARAMETER_BYTES / 4);
  private readonly align: number;
  private readonly kernels = new Map<number, Bound>(); // by bytes of parameters
  private readonly gates = new WeakMap<GpuBuffer, Bound>(); // by control memory
  private used = 0;
  private encoder: GpuEncoder | undefined;
  private pass: GpuPass | undefined;
  private current: Pipeline | undefined;

  constructor(timeline: Timeline, heap: Heap, pipelines: Pipelines) {
    this.timeline = timeline;
    this.heap = heap;
    this.pipelines = pipelines;
    this.align = timeline.gpu.limits.minUniformBufferOffsetAlignment;
    this.uniforms = timeline.buffers.make("parameters", PARAMETER_BYTES, Usage.uniform | Usage.copyDst);
  }

  /** Is there no room for parameters of `count` words? Then submit first. */
  full(count: number): boolean {
    return this.used + this.stride(count) > PARAMETER_BYTES;
  }
  /** The parameters of the next dispatch, to be filled in. */
  parameters(count: number): Uint32Array {
    if (this.full(count)) throw new InternalError(`${count} parameters do not fit where ${this.used} bytes are used`);
    return this.words.subarray(this.used / 4, this.used / 4 + count);
  }
  /** One dispatch with the parameters just filled in: of so many workgroups, or of the size at a byte of an indirect buffer. */
  dispatch(pipeline: Pipeline, count: number, size: number | { readonly control: GpuBuffer; readonly at: number }): void {
    const pass = this.begin(pipeline);
    pass.setBindGroup(0, this.group(count), [this.advance(count)]);
    if (typeof size !== "number") pass.dispatchWorkgroupsIndirect(size.control, size.at);
    else pass.dispatchWorkgroups(...split(size));
  }
  /** One gate over control memory. */
  gate(pipeline: Pipeline, count: number, control: GpuBuffer): void {
    const pass = this.begin(pipeline);
    pass.setBindGroup(0, this.group(count, control), [this.advance(count)]);
    pass.dispatchWorkgroups(1);
  }
  /** Submits what is recorded. */
  submit(): void {
    const { encoder } = this;
    this.endPass();
    this.encoder = undefined;
    const bytes = this.used;
    this.used = 0;
    if (!encoder) return;
    this.profile?.resolve(encoder);
    if (bytes > 0) this.timeline.gpu.queue.writeBuffer(this.uniforms, 0, this.words, 0, bytes / 4);
    this.timeline.submit([encoder.finish()]);
  }
  /** Forgets what is recorded: it will not be submitted. */
  discard(): void {
    this.pass = this.encoder = this.current = undefined;
    this.used = 0;
  }

  private recording(): GpuEncoder {
    return (this.encoder ??= this.timeline.gpu.createCommandEncoder());
  }
  private begin(pipeline: Pipeline): GpuPass {
    if (this.profile) this.endPass();
    const writes = this.pass ? undefined : this.profile?.next(pipeline.name);
    const pass = (this.pass ??= this.recording().beginComputePass(writes && { timestampWrites: writes }));
    if (this.current !== pipeline) {
      pass.setPipeline(pipeline.handle());
      this.current = pipeline;
    }
    return pass;
  }
  private endPass(): void {
    this.pass?.end();
    this.pass = this.current = undefined;
  }
  private stride(count: number): number {
    return Math.ceil(Math.max(16, count * 4) / this.align) * this.align;
  }
  private advance(count: number): number {
    const at = this.used;
    this.used += this.stride(count);
    return at;
  }
  /** A bind group is good as long as the heap's buffer is the same. */
  private group(count: number, control?: GpuBuffer): GpuHandle {
    const { buffer } = this.heap,
      size = parameterBytes(count);
    const known = control ? this.gates.get(control) : this.kernels.get(size);
    if (known?.heap === buffer) return known.group;
    const entries: GpuBinding[] = [
      { binding: 0, resource: { buffer } },
      { binding: 1, resource: { buffer: this.uniforms, size } },
    ];
    if (control) entries.push({ binding: 2, resource: { buffer: control } });
    const group = this.timeline.gpu.createBindGroup({ layout: this.pipelines.layout(control ? "gate" : "kernel", count).group, entries });
    if (control) this.gates.set(control, { heap: buffer, group });
    else this.kernels.set(size, { heap: buffer, group });
    return group;
  }
}
