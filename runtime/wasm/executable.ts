// A loaded program: a module instance, a table of addresses, and one call a step.
import type { WasmArtifact } from "../artifact.ts";
import type { DeviceArray, Executable } from "../device.ts";
import { InternalError, PullbackError } from "../errors/error.ts";
import { placeResults, settleDonations } from "../memory/blocks.ts";
import { WasmArray } from "./array.ts";
import type { WasmDevice } from "./device.ts";

interface Program {
  run(table: number): void;
  work(kernel: number, args: number, begin: number, end: number): void;
}

/** See Executable. Not re-entrant: one call at a time. */
export class WasmExecutable implements Executable {
  private readonly device: WasmDevice;
  private readonly artifact: WasmArtifact;
  private readonly program: Program;
  private readonly table: number;
  /** Gives back the table and tells the pool; holds no reference to this object, so that the collector may call it. */
  readonly cleanup: () => void;
  private disposed = false;

  constructor(device: WasmDevice, artifact: WasmArtifact) {
    this.device = device;
    this.artifact = artifact;
    this.table = device.allocate(4 * (1 + artifact.inputs.length + artifact.outputs.length));
    const scratch = device.allocate(Math.max(1, artifact.scratchBytes));
    const module = new WebAssembly.Module(artifact.bytes as Uint8Array<ArrayBuffer>); // the encoder makes unshared arrays
    const pool = artifact.threads ? device.pool : undefined;
    const poolId = pool?.register(artifact.bytes, artifact.scratchBytes);
    const parallel = (kernel: number, args: number, extent: number): void => {
      if (!pool || poolId === undefined) program.work(kernel, args, 0, extent);
      else pool.run(poolId, (b, e) => program.work(kernel, args, b, e), kernel, args, extent);
    };
    const instance = new WebAssembly.Instance(module, { env: { memory: device.memoryObject, parallel, scratch } });
    const program = instance.exports as unknown as Program; // the artifact contract
    const { table } = this;
    this.program = program;
    this.cleanup = () => {
      device.free(table);
      device.free(scratch);
      if (poolId !== undefined) pool?.unregister(poolId);
    };
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
      const taken = placeResults(artifact, ins, donate, device, outs);
      this.call(ins, outs);
      settleDonations(ins, donate, taken);
      return outs;
    } catch (e) {
      for (const o of outs) o.dispose(); // nobody will ever see them
      throw e;
    }
  }

  /** One call of the program over an arena that lives as long as the call. */
  private call(ins: readonly WasmArray[], outs: readonly WasmArray[]): void {
    const { artifact, device } = this,
      arena = device.allocate(Math.max(1, artifact.arenaBytes));
    try {
      const table = new Int32Array(device.buffer, this.table, 1 + ins.length + outs.length); // after the last allocation: growth detaches views
      table[0] = arena;
      for (let i = 0; i < ins.length; i++) table[1 + i] = (ins[i] as WasmArray).block.address; // in range
      for (let i = 0; i < outs.length; i++) table[1 + ins.length + i] = (outs[i] as WasmArray).block.address; // in range
      this.program.run(this.table);
    } finally {
      device.free(arena);
    }
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.device.forget(this);
    this.cleanup();
  }
}

/** @throws E0703 for an array of another device. */
function requireWasm(a: DeviceArray, device: WasmDevice): WasmArray {
  if (a instanceof WasmArray && a.device === device) return a;
  throw new PullbackError("E0703", `an argument lives on ${a.device.name}, the program runs on ${device.name}`, {
    help: "move it first: array(await x.data(), { device })",
  });
}
