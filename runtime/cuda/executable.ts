// A loaded program: its module, its parts, and for each straight part a graph from its second run on (what runs once is launched directly). Loops and branches
// that depend on data read what they depend on, and wait for it.
import type { PtxArtifact } from "../artifact.ts";
import type { DeviceArray, Executable } from "../device.ts";
import { InternalError, PullbackError, unreachable } from "../errors/error.ts";
import { placeResults, settleDonations } from "../memory/blocks.ts";
import { CudaArray } from "./array.ts";
import type { CudaDevice } from "./device.ts";
import { addressOf, type Addresses } from "./launcher.ts";
import type { LoadedKernel } from "./modules.ts";
import { planProgram, turnsOf, type Part, type Place } from "./plan.ts";
import { Recording } from "./recording.ts";

type Straight = Extract<Part, { kind: "straight" }>;

/** See Executable. Not re-entrant: one call at a time. */
export class CudaExecutable implements Executable {
  private readonly device: CudaDevice;
  private readonly artifact: PtxArtifact;
  private readonly kernels: readonly LoadedKernel[];
  private readonly parts: readonly Part[];
  private readonly slots: Float64Array;
  private readonly recordings: Map<Straight, Recording | undefined>;
  /** Gives back graphs and module; holds no reference to this object, so that the collector may call it. */
  readonly cleanup: () => void;
  private disposed = false;

  constructor(device: CudaDevice, artifact: PtxArtifact) {
    this.device = device;
    this.artifact = artifact;
    this.parts = planProgram(artifact);
    this.slots = new Float64Array(artifact.slots.length);
    this.kernels = device.modules.load(artifact);
    const recordings = (this.recordings = new Map<Straight, Recording | undefined>());
    const cleanup = (): void => {
      if (!device.retire(cleanup)) return; // the device may have come first
      for (const r of recordings.values()) r?.dispose();
      device.modules.release(artifact);
    };
    this.cleanup = cleanup;
  }

  run(inputs: readonly DeviceArray[], donate: readonly boolean[] = []): DeviceArray[] {
    const { artifact, device } = this;
    if (this.disposed || inputs.length !== artifact.inputs.length)
      throw new InternalError(
        `a program of ${artifact.inputs.length} inputs was called with ${inputs.length}${this.disposed ? " after dispose" : ""}`,
      );
    const ins = inputs.map(a => requireCuda(a, device)),
      outs: CudaArray[] = [];
    for (const a of ins) a.requireLive("used");
    device.admit();
    let taken: ReadonlySet<number> = new Set();
    const progress = { begun: false };
    try {
      taken = placeResults(artifact, ins, donate, device, outs);
      this.findSlots(ins, outs);
      this.walk(this.parts, new Map(), progress);
      device.submitted();
      settleDonations(ins, donate, taken);
      return outs;
    } catch (e) {
      for (const o of outs) o.dispose(); // nobody will ever see them
      if (progress.begun) for (const i of taken) ins[i]?.dispose(); // overwritten in part: nobody may see that either
      throw e;
    }
  }
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.device.unload(this);
  }

  private findSlots(ins: readonly CudaArray[], outs: readonly CudaArray[]): void {
    const arena = this.device.scratch(this.artifact.arenaBytes);
    for (const { id, home } of this.artifact.slots) {
      const at =
        home.kind === "arena"
          ? arena + home.offset
          : home.kind === "input"
            ? ins[home.index]?.block.address
            : outs[home.index]?.block.address;
      if (at === undefined) throw new InternalError(`slot ${id} (${home.kind}) has no memory`);
      this.slots[id] = at;
    }
  }
  private walk(parts: readonly Part[], turns: Map<number, number>, progress: { begun: boolean }): void {
    const at: Addresses = { slots: this.slots, turns };
    for (const part of parts)
      switch (part.kind) {
        case "straight":
          this.straight(part, at, progress);
          break;
        case "loop":
          for (const turn of turnsOf(part)) {
            turns.set(part.counter, turn);
            this.walk(part.body, turns, progress);
          }
          turns.delete(part.counter);
          break;
        case "while":
          for (this.walk(part.test, turns, progress); this.peek(part.pred, 1, at).getUint8(0) !== 0; this.walk(part.test, turns, progress))
            this.walk(part.body, turns, progress);
          break;
        case "branch": {
          const chosen = this.peek(part.index, 4, at).getInt32(0, true);
          this.walk(part.cases[Math.max(0, Math.min(part.cases.length - 1, chosen))] ?? [], turns, progress);
          break;
        }
        default:
          unreachable(part);
      }
  }
  private straight(part: Straight, at: Addresses, progress: { begun: boolean }): void {
    const { device, recordings } = this;
    if (device.graphs && !device.launcher.profile && part.fixed && part.operations.length > 1) {
      if (recordings.has(part)) {
        let recording = recordings.get(part);
        if (!recording) recordings.set(part, (recording = new Recording(device.launcher, device.context, this.kernels, part.operations)));
        recording.launch(at.slots);
        progress.begun = true;
        return;
      }
      recordings.set(part, undefined); // the second time is worth a graph
    }
    for (const o of part.operations) {
      device.launcher.enqueue(o, this.kernels, at);
      progress.begun = true;
    }
  }
  /** What the device has computed at a place. */
  private peek(place: Place, bytes: number, at: Addresses): DataView {
    const found = new Uint8Array(bytes);
    this.device.transfers.readSync(addressOf(place, at), found);
    return new DataView(found.buffer);
  }
}

/** @throws E0703 for an array of another device. */
function requireCuda(a: DeviceArray, device: CudaDevice): CudaArray {
  if (a instanceof CudaArray && a.device === device) return a;
  throw new PullbackError("E0703", `an argument lives on ${a.device.name}, the program runs on ${device.name}`, {
    help: "move it first: await toDevice(x, device)",
  });
}
