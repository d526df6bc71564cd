// A page that computes for a while on its main thread: what it may wait for, what it must not, and that nothing leaks.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  array,
  defaultDevice,
  jit,
  matmul,
  OutOfMemoryError,
  PullbackError,
  setDefaultDevice,
  sum,
  tanh,
  wasm,
  type Tensor,
} from "../../stdlib/index.ts";
import { give } from "./channel.ts";
import { gpt } from "../support/bits.ts";

const device = defaultDevice(),
  queued = device.name.includes("async");
/** A product that takes its time: some 100 ms. */
const long = jit((x: Tensor) => {
  let y = x;
  for (let i = 0; i < 8; i++) y = tanh(matmul(y, x));
  return sum(y);
});
const square = (): Tensor =>
  array(
    Float32Array.from({ length: 768 * 768 }, (_, i) => ((i * 37) % 101) / 5000),
    { shape: [768, 768] },
  );

test("a call returns before the work is done, and the page lives on meanwhile", async () => {
  const x = square();
  await long(x).data(); // compiled
  let ticks = 0;
  const clock = setInterval(() => ticks++, 5);
  const start = performance.now(),
    y = long(x),
    returned = performance.now() - start;
  await y.data();
  const done = performance.now() - start;
  clearInterval(clock);
  await give("call", { returned, done, ticks });
});
test("dataSync reads where the thread may wait, and teaches where it may not", async () => {
  const y = long(square());
  if (queued)
    assert.throws(
      () => y.dataSync(),
      (e: unknown) => e instanceof PullbackError && e.code === "E0706" && e.help === "read with await x.data()",
    );
  else assert.is(y.dataSync().length, 1);
  await y.data();
  assert.is(y.dataSync().length, 1); // it is there now
});
test("memory that only queued calls still need is told apart, and is there once they have been waited for", async () => {
  if (!queued) return; // nothing waits where calls are finished when they return
  const x = square();
  await long(x).data();
  const most = 2.5 * 2 ** 30,
    big = wasm(); // of its own: this takes most of an address space
  setDefaultDevice(big);
  const y = long(square());
  big.create("u8", most).dispose(); // the call on its way might use it
  assert.throws(
    () => big.create("u8", most),
    (e: unknown) =>
      e instanceof OutOfMemoryError && (e.facts.waiting ?? 0) >= most && e.help?.startsWith("await device.sync() and try again") === true,
  );
  await big.sync();
  big.create("u8", most).dispose();
  assert.is((await y.data()).length, 1);
  big.destroy();
  setDefaultDevice(device);
});
test("300 training steps keep memory flat", async () => {
  setDefaultDevice(wasm());
  const model = gpt({ dim: 16, layers: 1, batch: 2 }),
    d = defaultDevice();
  const first = await model.step();
  for (let i = 0; i < 20; i++) await model.step();
  const early = d.memory();
  let last = NaN;
  for (let i = 0; i < 280; i++) last = await model.step();
  await d.sync();
  assert.ok(last < first, `${first} -> ${last}`);
  const late = d.memory();
  assert.ok(late.live <= early.live && late.arrays <= early.arrays && late.reserved === early.reserved, JSON.stringify([early, late]));
  setDefaultDevice(device);
});
test("a loop that never yields is refused, not obeyed without end, and the device goes on", async () => {
  if (!queued) return;
  const x = array(Float32Array.from({ length: 1 << 17 }, (_, i) => i / 1e5)),
    f = jit((y: Tensor) => sum(tanh(tanh(y)))); // takes longer than it takes to ask for it: else nothing would pile up
  await f(x).data();
  assert.throws(() => {
    for (;;) f(x).dispose();
  }, /E0708/);
  await device.sync();
  assert.is((await f(x).data()).length, 1);
});

test.run();
