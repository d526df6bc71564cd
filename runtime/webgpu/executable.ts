// A loaded program. A call finds memory for its results and puts one command on the timeline; what that does is decided there, in its turn.
import type { WgslArtifact } from "../artifact.ts";
import type { DeviceArray, Executable } from "../device.ts";
import { InternalError, PullbackError } from "../errors/error.ts";
import { placeResults, settleDonations } from "../memory/blocks.ts";
import { WebGpuArray } from "./array.ts";
import { Control } from "./control.ts";
import type { WebGpuDevice } from "./device.ts";
import { planProgram, type Plan } from "./plan.ts";
import { walk, type Wait } from "./walk.ts";

/** What outlives an executable until its last command is done; holds no reference to it, so that the collector may call `release`. */
class Resources {
  readonly plan: Plan;
  private control: Control | undefined;
  private readonly device: WebGpuDevice;
  private compiled = false;

  constructor(device: WebGpuDevice, artifact: WgslArtifact) {
    this.device = device;
    this.plan = planProgram(artifact, device.pipelines);
  }
  /** One call, in its turn. */
  execute(seq: number, addresses: Float64Array): void | Promise<void> {
    if (this.compiled) return this.record(seq, addresses);
    const { pipelines } = this.plan;
    if ((this.compiled = pipelines.every(p => p.settled()))) return this.record(seq, addresses);
    return Promise.all(pipelines.map(p => p.ready)).then(() => {
      if (!this.device.timeline.isVoid(seq)) return this.record(seq, addresses);
    });
  }
  release(): void {
    const { device } = this;
    if (device.timeline.lost) return;
    const { control } = this;
    if (control) device.timeline.enqueue({ execute: () => device.timeline.buffers.destroy(control.buffer), voided: () => this.release() });
  }

  private record(seq: number, addresses: Float64Array): void | Promise<void> {
    const { plan, device } = this,
      { timeline, recorder } = device;
    if (plan.gate && !this.control)
      timeline.attempt(
        seq,
        () => (this.control = new Control(timeline, plan.regions)),
        () => (this.control = undefined), // there was no room: the next call tries again
      );
    const steps = walk(plan, addresses, recorder, this.control);
    const advance = (answer: boolean): Wait | undefined =>
      timeline.attempt(seq, () => {
        try {
          const { value, done } = steps.next(answer);
          if (done === true) recorder.submit();
          return done === true ? undefined : (value as Wait); // not done: it waits
        } catch (e) {
          recorder.discard();
          throw e;
        }
      });
    const wait = advance(false);
    return wait && this.follow(seq, wait, advance);
  }
  /** The rest of a call that has to wait for the device. */
  private async follow(seq: number, wait: Wait, advance: (answer: boolean) => Wait | undefined): Promise<void> {
    const { timeline, staging } = this.device;
    for (let next: Wait | undefined = wait; next;) {
      let answer = false;
      if (next.kind === "room") await timeline.hasRoom();
      else if (this.control) answer = (await staging.fetch(this.control.buffer, 4 * next.region, 4))[0] === 1;
      if (timeline.isVoid(seq)) return; // its results are lost already
      next = advance(answer);
    }
  }
}

/** See Executable. */
export class WebGpuExecutable implements Executable {
  private readonly device: WebGpuDevice;
  private readonly artifact: WgslArtifact;
  private readonly resources: Resources;
  /** Gives back what the program has of the device; holds no reference to this object. */
  readonly cleanup: () => void;
  /** Names of its kernels. */
  readonly kernels: ReadonlySet<string>;
  private disposed = false;

  constructor(device: WebGpuDevice, artifact: WgslArtifact) {
    this.device = device;
    this.artifact = artifact;
    this.kernels = new Set(artifact.kernels.map(k => k.name));
    const resources = (this.resources = new Resources(device, artifact));
    this.cleanup = () => resources.release();
  }
  /** Until its shaders are compiled. @throws E0707 */
  async ready(): Promise<void> {
    await Promise.all(this.resources.plan.pipelines.map(p => p.ready));
  }
  run(inputs: readonly DeviceArray[], donate: readonly boolean[] = []): DeviceArray[] {
    const { artifact, device } = this;
    if (this.disposed || inputs.length !== artifact.inputs.length)
      throw new InternalError(
        `a program of ${artifact.inputs.length} inputs was called with ${inputs.length}${this.disposed ? " after dispose" : ""}`,
      );
    const ins = inputs.map(a => requireWebGpu(a, device));
    const outs: WebGpuArray[] = [];
    try {
      const taken = placeResults(artifact, ins, donate, device, outs);
      const seq = this.issue(ins, outs);
      outs.forEach((o, i) => {
        if (artifact.outputs[i]?.forward === undefined) o.place.written = seq;
      });
      settleDonations(ins, donate, taken);
      return outs;
    } catch (e) {
      for (const o of outs) o.dispose(); // nobody will ever see them
      throw e;
    }
  }
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.device.forget(this);
    this.cleanup();
  }

  /** Puts the call on the timeline. The arena is free again at once: whoever gets that memory next uses it later. */
  private issue(ins: readonly WebGpuArray[], outs: readonly WebGpuArray[]): number {
    const { artifact, device, resources } = this;
    const arena = artifact.arenaBytes > 0 ? device.allocate(artifact.arenaBytes) : undefined;
    try {
      const addresses = Float64Array.from(artifact.slots, ({ home }) =>
        home.kind === "arena"
          ? (arena ?? 0) + home.offset
          : ((home.kind === "input" ? ins[home.index] : outs[home.index])?.block.address ?? 0),
      );
      return device.timeline.issue({ execute: seq => resources.execute(seq, addresses) });
    } finally {
      if (arena !== undefined) device.free(arena);
    }
  }
}

/** @throws E0703 for an array of another device, E0701 for a released one, and the reason for one whose contents never came to be */
function requireWebGpu(a: DeviceArray, device: WebGpuDevice): WebGpuArray {
  if (!(a instanceof WebGpuArray) || a.device !== device)
    throw new PullbackError("E0703", `an argument lives on ${a.device.name}, the program runs on ${device.name}`, {
      help: "move it first: await toDevice(x, device)",
    });
  a.requireLive("used");
  a.requireSound();
  return a;
}
