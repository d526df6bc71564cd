// Runs a program within the call, on the calling thread and the helpers of a pool.
import type { WasmArtifact } from "../artifact.ts";
import { DeviceLostError } from "../errors/lost.ts";
import { DESTROYED, type Engine, type Loaded, type Room } from "./engine.ts";
import { forbidden } from "./policy.ts";
import { Pool } from "./pool.ts";
import type { Program } from "./threads.ts";

/** See Engine: every command is finished when it has been given. */
export class InlineEngine implements Engine {
  readonly issued = 0;
  readonly mayWait = true;
  readonly waiting = 0;
  private readonly room: Room;
  private readonly pool: Pool | undefined;
  private readonly device: string;
  private destroyed = false;

  /** `threads` includes the caller. */
  constructor(room: Room, threads: number, device: string) {
    this.room = room;
    this.device = device;
    this.pool = threads > 1 ? new Pool(room, threads) : undefined;
  }
  load(artifact: WasmArtifact): Loaded {
    this.requireAlive();
    const module = this.compile(artifact);
    const { room } = this,
      pool = artifact.threads ? this.pool : undefined;
    const table = room.allocate(4 * (1 + artifact.inputs.length + artifact.outputs.length)),
      scratch = room.allocate(Math.max(1, artifact.scratchBytes)),
      poolId = pool?.register(artifact.bytes, artifact.scratchBytes);
    const parallel = (kernel: number, args: number, extent: number): void => {
      if (!pool || poolId === undefined) program.work(kernel, args, 0, extent);
      else pool.run(poolId, (b, e) => program.work(kernel, args, b, e), kernel, args, extent);
    };
    const { exports } = new WebAssembly.Instance(module, { env: { memory: room.memory, parallel, scratch } });
    const program = exports as unknown as Program; // the artifact contract
    return {
      run: (ins, outs) => {
        this.requireAlive();
        const arena = room.allocate(Math.max(1, artifact.arenaBytes)); // lives as long as the call
        try {
          writeTable(room.memory, table, arena, ins, outs);
          program.run(table);
        } finally {
          room.release(arena);
        }
        return 0;
      },
      drop: () => {
        room.release(table);
        room.release(scratch);
        if (poolId !== undefined) pool?.unregister(poolId);
      },
    };
  }
  finished(): boolean {
    return true;
  }
  wait(): void {}
  settled(): Promise<void> {
    return Promise.resolve();
  }
  free(address: number): void {
    this.room.release(address);
  }
  drain(): void {}
  relieve(): void {}
  destroy(): void {
    this.destroyed = true;
    this.pool?.destroy();
  }
  /** @throws E0703 where the page's policy forbids it */
  private compile(artifact: WasmArtifact): WebAssembly.Module {
    try {
      return new WebAssembly.Module(artifact.bytes as Uint8Array<ArrayBuffer>); // the encoder makes unshared arrays
    } catch (e) {
      throw (e instanceof Error && forbidden(this.device, e.message)) || e;
    }
  }
  private requireAlive(): void {
    if (this.destroyed) throw new DeviceLostError(this.device, DESTROYED);
  }
}

/** A program's addresses, as its `run` wants them. Call it after the last allocation: growth detaches views. */
export function writeTable(
  memory: WebAssembly.Memory,
  table: number,
  arena: number,
  ins: readonly number[],
  outs: readonly number[],
): void {
  const words = new Int32Array(memory.buffer, table, 1 + ins.length + outs.length);
  words[0] = arena;
  words.set(ins, 1);
  words.set(outs, 1 + ins.length);
}
