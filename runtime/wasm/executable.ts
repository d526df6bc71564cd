// A loaded program: places its results, hands the addresses to the engine, settles what was donated.
import type { WasmArtifact } from "../artifact.ts";
import type { DeviceArray, Executable } from "../device.ts";
import { InternalError, PullbackError } from "../errors/error.ts";
import { placeResults, settleDonations } from "../memory/blocks.ts";
import { WasmArray } from "./array.ts";
import type { WasmDevice } from "./device.ts";
import type { Loaded } from "./engine.ts";

/** See Executable. Not re-entrant: one call at a time. */
export class WasmExecutable implements Executable {
  private readonly device: WasmDevice;
  private readonly artifact: WasmArtifact;
  private readonly program: Loaded;
  private disposed = false;

  constructor(device: WasmDevice, artifact: WasmArtifact, program: Loaded) {
    this.device = device;
    this.artifact = artifact;
    this.program = program;
  }

  run(inputs: readonly DeviceArray[], donate: readonly boolean[] = []): DeviceArray[] {
    const { artifact, device } = this;
    if (this.disposed || inputs.length !== artifact.inputs.length)
      throw new InternalError(
        `a program of ${artifact.inputs.length} inputs was called with ${inputs.length}${this.disposed ? " after dispose" : ""}`,
      );
    const ins: WasmArray[] = new Array(inputs.length);
    for (let i = 0; i < inputs.length; i++) {
      const a = requireWasm(inputs[i] as DeviceArray, device); // i is in range
      a.requireLive("used");
      ins[i] = a;
    }
    const outs: WasmArray[] = [];
    try {
      const taken = placeResults(artifact, ins, donate, device, outs),
        command = this.program.run(ins.map(addressOf), outs.map(addressOf));
      for (const o of outs) o.command = command;
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
    this.program.drop();
  }
}

const addressOf = (a: WasmArray): number => a.block.address;

/** @throws E0703 for an array of another device. */
function requireWasm(a: DeviceArray, device: WasmDevice): WasmArray {
  if (a instanceof WasmArray && a.device === device) return a;
  throw new PullbackError("E0703", `an argument lives on ${a.device.name}, the program runs on ${device.name}`, {
    help: "move it first: await toDevice(x, device)",
  });
}
