// Runs programs in order on another thread: a call returns when it is queued. The host writes only into memory that no unfinished command uses.
import type { WasmArtifact } from "../artifact.ts";
import { OutOfMemoryError, type MemoryFacts } from "../errors/memory.ts";
import { DESTROYED, mayBlock, type Engine, type Loaded, type Room } from "./engine.ts";
import { nodeMajor } from "./features.ts";
import { writeTable } from "./inline.ts";
import { startHelpers, strideOf } from "./pool.ts";
import { Quarantine } from "./quarantine.ts";
import { CommandQueue } from "./queue.ts";
import { startDriver, type Thread } from "./spawn.ts";
import { Failure, Op, Queue, Word } from "./threads.ts";

/** A host that may block does so when this much memory waits for commands to finish. */
const PATIENCE = 128 * 2 ** 20;

/** See Engine. */
export class QueuedEngine implements Engine {
  private readonly room: Room;
  private readonly helpers: number;
  private readonly control = new SharedArrayBuffer(4 * Word.count);
  private readonly quarantine = new Quarantine();
  private readonly queue: CommandQueue;
  private threads: Thread[] | undefined;
  private nextId = 1;
  /** Programs never overlap: one arena serves all. */
  private arena = { address: 0, bytes: 0 };

  /** `threads` includes the driver. `facts` are the memory's, for errors about it. */
  constructor(room: Room, threads: number, device: string, facts: (requested: number) => MemoryFacts) {
    this.room = room;
    this.helpers = threads - 1;
    const { memory } = room,
      { control, helpers } = this;
    this.queue = new CommandQueue({
      device,
      mayBlock: mayBlock(),
      startsAlone: nodeMajor() !== undefined,
      start: (queue, listener) => startDriver({ memory, control, queue, helpers, W: Word, Q: Queue, ops: Op, failures: Failure }, listener),
      outOfMemory: bytes => new OutOfMemoryError(facts(bytes)),
    });
  }
  get mayWait(): boolean {
    return this.queue.mayWait;
  }
  get waiting(): number {
    return this.quarantine.bytes;
  }
  get issued(): number {
    return this.queue.issued;
  }

  load(artifact: WasmArtifact): Loaded {
    this.check(Infinity);
    const { queue } = this,
      id = this.nextId++,
      { length } = artifact.bytes,
      stride = artifact.threads ? strideOf(artifact.scratchBytes) : 0;
    this.help(artifact);
    const own: [address: number, bytes: number][] = [];
    const take = (bytes: number): number => {
      const address = this.room.allocate(Math.max(1, bytes));
      own.push([address, bytes]);
      return address;
    };
    const free = (): void => {
      for (const [address, bytes] of own.splice(0)) this.free(address, bytes);
    };
    try {
      const bytes = take(length),
        scratch = take(artifact.scratchBytes),
        helperScratch = take(stride * this.helpers);
      new Uint8Array(this.room.memory.buffer, bytes, length).set(artifact.bytes);
      queue.post([Op.load, id, bytes, length, scratch, helperScratch, stride]);
    } catch (e) {
      free();
      throw e;
    }
    return {
      run: (ins, outs) => this.call(id, artifact.arenaBytes, ins, outs),
      drop: () => {
        queue.enqueue([Op.drop, id]);
        free();
      },
    };
  }
  finished(command: number): boolean {
    const finished = this.queue.done >= command;
    this.check(command);
    return finished;
  }
  wait(command: number): void {
    this.check(command);
    this.queue.block(command);
    this.check(command);
  }
  async settled(command: number): Promise<void> {
    await this.queue.settled(command);
    this.check(command);
  }

  free(address: number, bytes: number): void {
    this.quarantine.add(address, bytes, this.queue.issued);
    if (this.mayWait && this.quarantine.bytes > PATIENCE) this.queue.block(this.quarantine.commandFor(PATIENCE / 2));
    this.drain();
  }
  /** Give back what no command can use any more. */
  drain(): void {
    this.quarantine.drain(this.queue.done, address => this.room.release(address));
  }
  relieve(): void {
    this.releaseArena();
    if (this.mayWait && this.queue.failure === undefined) this.queue.block(this.queue.issued);
    this.drain();
  }

  destroy(): void {
    this.queue.destroy(DESTROYED);
    for (const thread of this.threads ?? []) thread.end();
  }

  private call(id: number, arenaBytes: number, ins: readonly number[], outs: readonly number[]): number {
    this.check(Infinity);
    const size = 4 * (1 + ins.length + outs.length),
      arena = this.arenaOf(arenaBytes),
      table = this.room.allocate(size);
    try {
      writeTable(this.room.memory, table, arena, ins, outs);
      return this.queue.post([Op.run, id, table]);
    } finally {
      this.free(table, size);
    }
  }
  private arenaOf(bytes: number): number {
    if (this.arena.bytes < bytes) {
      this.releaseArena();
      this.arena = { address: this.room.allocate(bytes), bytes };
    }
    return this.arena.address;
  }
  private releaseArena(): void {
    const { address, bytes } = this.arena;
    this.arena = { address: 0, bytes: 0 };
    if (bytes > 0) this.free(address, bytes);
  }
  /** Helpers start when the first program could use them. */
  private help(artifact: WasmArtifact): void {
    if (artifact.threads) this.threads ??= startHelpers(this.room.memory, this.control, this.helpers);
  }
  /** @throws what went wrong, if it did so at `command` or before. */
  private check(command: number): void {
    const trouble = this.queue.failure;
    if (trouble !== undefined && trouble.from <= command) throw trouble.error();
  }
}
