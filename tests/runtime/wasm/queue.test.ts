// The host's side of the queue, with a driver that the test plays: run-ahead where the thread may wait and where it may not, numbers that wrap round,
// and how a driver that fails or dies is told.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { OutOfMemoryError } from "../../../runtime/errors/memory.ts";
import { Quarantine } from "../../../runtime/wasm/quarantine.ts";
import { BACKLOG, CommandQueue } from "../../../runtime/wasm/queue.ts";
import type { Listener } from "../../../runtime/wasm/spawn.ts";
import { Failure, Queue } from "../../../runtime/wasm/threads.ts";

/** A queue, unless said otherwise of a page's main thread, whose driver does what it is told. */
function played(thread: { readonly mayBlock: boolean; readonly startsAlone: boolean } = { mayBlock: false, startsAlone: true }): {
  queue: CommandQueue;
  /** Finish commands up to this one, in order; gives their first words. */
  finish(command: number): number[];
  fail(command: number, kind: number, text: string): void;
  die(reason: string): void;
  held(): boolean;
  /** The driver says that it is up. */
  rise(): void;
} {
  let listener: Listener | undefined,
    words: Int32Array = new Int32Array(0),
    done = 0,
    held = false;
  const queue = new CommandQueue({
    device: "wasm (played)",
    ...thread,
    start: (shared, l) => {
      words = new Int32Array(shared);
      listener = l;
      return { hold: h => (held = h), end: () => {} };
    },
    outOfMemory: requested => new OutOfMemoryError({ requested, live: 1, peak: 1, largest: 1 }),
  });
  return {
    queue,
    finish: command => {
      const seen: number[] = [];
      while (done < command) {
        assert.ok(done < (words[Queue.posted] ?? 0), `command ${done + 1} has not been posted`);
        seen.push(words[Queue.ring + (done % Queue.slots) * Queue.slot] ?? NaN);
        words[Queue.done] = ++done;
        if (words[Queue.waiting] === 1 && done >= (words[Queue.wanted] ?? 0)) {
          words[Queue.waiting] = 0;
          listener?.message();
        }
      }
      return seen;
    },
    fail: (command, kind, text) => {
      const bytes = new TextEncoder().encode(text);
      new Uint8Array(words.buffer, 4 * Queue.text).set(bytes);
      words[Queue.textLength] = bytes.length;
      words[Queue.loading] = 4321;
      words[Queue.failedAt] = command;
      words[Queue.failed] = kind;
    },
    die: reason => listener?.died(reason),
    held: () => held,
    rise: () => listener?.message(),
  };
}

test("what does not fit into the ring waits in order, and moves on as the driver does", () => {
  const { queue, finish } = played(),
    many = 5 * Queue.slots;
  for (let i = 1; i <= many; i++) assert.is(queue.post([i]), i);
  assert.equal(
    finish(many),
    Array.from({ length: many }, (_, i) => i + 1),
  );
  assert.is(queue.done, many);
});
test("a thread that may not wait and never yields is told to", () => {
  const { queue, finish } = played();
  for (let i = 0; i < BACKLOG + Queue.slots; i++) queue.post([1]);
  assert.throws(
    () => queue.post([1]),
    /E0708: 16448 calls are queued on wasm \(played\), and this thread, which may not wait for them, has not yielded/,
  );
  finish(Queue.slots);
  assert.is(queue.post([1]), BACKLOG + Queue.slots + 1);
});
test("a thread that may block does not before the driver is up, if that needs the thread", async () => {
  const { queue, finish, rise } = played({ mayBlock: true, startsAlone: false }),
    many = 2 * Queue.slots;
  for (let i = 1; i <= many; i++) queue.post([i]); // would block for ever
  assert.is(queue.mayWait, false);
  let up = false;
  const settled = queue.settled(0).then(() => (up = true));
  await Promise.resolve();
  assert.is(up, false);
  rise();
  await settled;
  assert.is(queue.mayWait, true);
  assert.is(finish(many).at(-1), many);
});
test("who waits is told in order of what is finished, and the process is held for as long as somebody waits", async () => {
  const { queue, finish, held } = played(),
    told: number[] = [];
  for (let i = 0; i < 10; i++) queue.post([1]);
  const waits = [7, 3, 9].map(c => queue.settled(c).then(() => told.push(c)));
  assert.is(held(), true);
  finish(3);
  await waits[1];
  assert.equal(told, [3]);
  finish(10);
  await Promise.all(waits);
  assert.equal(told, [3, 7, 9]);
  assert.is(held(), false);
  await queue.settled(10); // at once
});
test("a failure is told with its words, from the command that failed on", () => {
  const { queue, fail } = played();
  for (let i = 0; i < 5; i++) queue.post([1]);
  assert.is(queue.failure, undefined);
  fail(4, Failure.program, "RuntimeError: unreachable");
  assert.is(queue.failure?.from, 4);
  assert.match(
    String(queue.failure?.error().message),
    "E0704: the device wasm (played) was lost: a program failed: RuntimeError: unreachable",
  );
});
test("no memory to load a program is out of memory, with the program's size", () => {
  const { queue, fail } = played();
  queue.post([1]);
  fail(1, Failure.memory, "RangeError: out of memory");
  const error = queue.failure?.error();
  assert.instance(error, OutOfMemoryError);
  assert.is((error as OutOfMemoryError).facts.requested, 4321); // an instance, as the line before has checked
});
test("a driver that dies rejects who waits, and later commands go nowhere", async () => {
  const { queue, finish, die } = played();
  for (let i = 0; i < 3 * Queue.slots; i++) queue.post([1]);
  finish(2);
  const wait = queue.settled(5).then(
    () => "settled",
    (e: unknown) => (e as Error).message, // a rejection is an error here
  );
  die("its worker could not start");
  assert.match(await wait, /^E0704: the device wasm \(played\) was lost: its worker could not start/);
  assert.is(queue.failure?.from, 3);
  queue.post([1]);
  assert.match(
    await queue.settled(100).then(
      () => "settled",
      (e: unknown) => (e as Error).message, // a rejection is an error here
    ),
    "E0704",
  );
});
test("memory in quarantine comes back in order, each piece after the last command that may use it", () => {
  const q = new Quarantine(),
    free: number[] = [];
  for (let i = 1; i <= 100; i++) q.add(i * 64, 64, Math.ceil(i / 10));
  q.drain(0, a => free.push(a));
  assert.equal(free, []);
  assert.is(q.commandFor(64 * 75), 3); // 25 pieces must go
  assert.is(q.commandFor(6400), 0);
  q.drain(3, a => free.push(a));
  assert.equal(
    free,
    Array.from({ length: 30 }, (_, i) => (i + 1) * 64),
  );
  assert.is(q.bytes, 70 * 64);
  q.drain(10, a => free.push(a));
  assert.is(free.length, 100);
  assert.is(q.bytes, 0);
});

test.run();
