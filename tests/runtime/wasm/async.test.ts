// The asynchronous device: calls return before they are finished, reads see what was true when they were asked for, memory is not reused too early, and
// what goes wrong on the other thread reaches the reads and the later calls.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DeviceArray } from "../../../runtime/device.ts";
import { DeviceLostError } from "../../../runtime/errors/lost.ts";
import { OutOfMemoryError } from "../../../runtime/errors/memory.ts";
import { WasmDevice } from "../../../runtime/wasm/device.ts";
import { Queue } from "../../../runtime/wasm/threads.ts";
import { artifactOf, slow, trapping } from "./broken.ts";

const LONG = 200_000_000; // turns: some 100 ms
const make = (): WasmDevice => new WasmDevice({ dispatch: "async", threads: 2 });
const one = (d: WasmDevice, x: number): DeviceArray => d.upload("f32", Float32Array.of(x));
const first = (arrays: readonly DeviceArray[]): DeviceArray => arrays[0] as DeviceArray; // every program here has one result

test("a call returns before its program is finished, and its result comes later", async () => {
  const d = make(),
    f = d.load(slow(LONG)),
    y = first(f.run([one(d, 7)]));
  assert.is(d.engine.finished(d.engine.issued), false);
  assert.equal([...(await y.read())], [7]);
  assert.is(d.engine.finished(d.engine.issued), true);
});
test("a blocking read waits where the thread may wait", () => {
  const d = make(),
    y = first(d.load(slow(LONG)).run([one(d, 8)]));
  assert.equal([...y.readSync()], [8]);
});
test("sync waits for all calls, and reads in any order are right", async () => {
  const d = make(),
    f = d.load(slow(1000)),
    ys = Array.from({ length: 300 }, (_, i) => first(f.run([one(d, i)])));
  const late = Promise.all(ys.toReversed().map(async y => (await y.read())[0]));
  await d.sync();
  assert.is(d.engine.finished(d.engine.issued), true);
  assert.equal(
    await late,
    ys.map((_, i) => 299 - i),
  );
});
test("a read is of what was there when it was asked for, whatever is disposed of or donated afterwards", async () => {
  const d = make(),
    f = d.load(slow(LONG / 10)),
    x = one(d, 1),
    y = first(f.run([x])),
    early = y.read();
  const z = first(f.run([y], [true])), // y's memory could be z's
    again = z.read();
  z.dispose();
  const noise = Array.from({ length: 100 }, () => one(d, 99)); // would take z's memory if it were free
  assert.equal([...(await early)], [1]);
  assert.equal([...(await again)], [1]);
  assert.throws(() => y.readSync(), /E0701/);
  await assertRejects(y.read(), /E0701/);
  noise.forEach(n => n.dispose());
});
test("memory that queued calls use is not handed out before they are finished", async () => {
  const d = make(),
    f = d.load(slow(LONG)),
    x = one(d, 5),
    y = first(f.run([x]));
  x.dispose(); // the program still has to read it
  const others = Array.from({ length: 1000 }, () => one(d, 6));
  assert.equal([...(await y.read())], [5]);
  others.forEach(o => o.dispose());
  y.dispose();
  await d.sync();
  f.dispose();
  await d.sync();
  assert.is(d.memory().live, 64, "the arena"); // all else has come back
});
test("run-ahead is bounded: the host waits when the queue is full", async () => {
  const d = make(),
    f = d.load(slow(100_000)),
    x = one(d, 1);
  let most = 0;
  for (let i = 0; i < 1000; i++) {
    first(f.run([x])).dispose();
    const { issued } = d.engine;
    if (issued > Queue.slots) assert.is(d.engine.finished(issued - Queue.slots), true);
    most = Math.max(most, d.memory().live);
  }
  await d.sync();
  assert.ok(most < 64 * 4 * (Queue.slots + 8), `${most} bytes at the most`);
});
test("a program that traps loses the device: reads of its results and later calls are typed errors, earlier results stay", async () => {
  const d = make(),
    good = d.load(slow(1000)),
    bad = d.load(trapping()),
    x = one(d, 3),
    before = first(good.run([x])),
    y = first(bad.run([x])),
    after = first(good.run([x])),
    reads = [y.read(), after.read()];
  assert.equal([...(await before.read())], [3]);
  for (const r of reads)
    await assertRejects(r, /E0704: the device wasm .* was lost: a program failed: RuntimeError: unreachable/, DeviceLostError);
  assert.throws(
    () => good.run([x]),
    (e: unknown) => e instanceof DeviceLostError,
  );
  assert.throws(() => y.readSync(), /E0704/);
  await assertRejects(d.sync(), /E0704/);
  assert.equal([...before.readSync()], [3]);
  for (const a of [x, before, y, after]) a.dispose();
  good.dispose();
  bad.dispose();
  assert.is(d.memory().arrays, 0);
});
test("bytes that are no module are an error of the first read, and of every call after it is known", async () => {
  const d = make(),
    f = d.load(artifactOf(Uint8Array.of(0, 1, 2, 3))),
    y = first(f.run([one(d, 1)]));
  await assertRejects(y.read(), /E0704: .* a program failed: CompileError/);
  assert.throws(() => f.run([one(d, 1)]), /E0704/);
});
test("out of memory is told at the call: nothing is queued, nothing leaks, and the device goes on", async () => {
  const d = make(),
    artifact = { ...slow(1000), outputs: [{ dtype: "f32", elements: 2 ** 30 }] } as const,
    f = d.load(artifact),
    x = one(d, 1);
  await d.sync();
  const { live } = d.memory(),
    { issued } = d.engine;
  assert.throws(
    () => f.run([x]),
    (e: unknown) => e instanceof OutOfMemoryError && e.facts.requested === 2 ** 32,
  );
  assert.is(d.engine.issued, issued);
  assert.is(d.memory().live, live);
  assert.equal([...(await first(d.load(slow(1000)).run([x])).read())], [1]);
});
test("memory that only waits for queued calls is waited for before memory runs out", () => {
  const d = make(),
    big = {
      ...slow(1000),
      outputs: [{ dtype: "f32" as const, elements: 1 }, ...[27, 27, 27].map(log => ({ dtype: "f32" as const, elements: 2 ** log }))],
    },
    f = d.load(big),
    x = one(d, 1);
  for (let i = 0; i < 12; i++) for (const y of f.run([x])) y.dispose(); // 18 GiB in all
  assert.ok(d.memory().peak < 2 ** 32);
});

test("a destroyed device ends its threads: what was queued rejects, what was computed stays, later calls are refused", async () => {
  for (const dispatch of ["sync", "async"] as const) {
    const d = new WasmDevice({ dispatch, threads: 2 }),
      f = d.load(slow(1000)),
      x = one(d, 4),
      done = first(f.run([x]));
    await d.sync();
    const queued = dispatch === "async" ? first(d.load(slow(LONG)).run([x])).read() : undefined;
    d.destroy();
    d.destroy();
    if (queued) await assertRejects(queued, /E0704: .* was lost: it was destroyed/, DeviceLostError);
    assert.equal([...(await done.read())], [4]);
    assert.throws(() => f.run([x]), /E0704: .* was lost: it was destroyed/);
    assert.throws(() => d.load(slow(1000)), /E0704/);
    f.dispose();
    done.dispose();
  }
});

async function assertRejects(p: Promise<unknown>, message: RegExp, type: typeof Error | typeof DeviceLostError = Error): Promise<void> {
  const error = await p.then(
    () => undefined,
    (e: unknown) => e,
  );
  assert.instance(error, type);
  assert.match((error as Error).message, message); // an Error, as the line before has checked
}

test.run();
