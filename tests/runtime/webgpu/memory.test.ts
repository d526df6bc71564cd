// Memory of the WebGPU device: what goes in comes out, growth keeps it, what is given back is free at once, running out is typed and harmless.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { OutOfMemoryError } from "../../../runtime/errors/memory.ts";
import { f32, failure, numbersOf, onDevice, open } from "./device.ts";
import { addConstant } from "./programs.ts";

onDevice("what is uploaded is read back, of every dtype, and of lengths that are no whole number of words", async () => {
  const d = await open();
  for (const n of [0, 1, 2, 3, 5, 64, 1001]) {
    const bytes = Uint8Array.from({ length: n }, (_, i) => (7 * i + 1) & 1),
      halves = Uint16Array.from({ length: n }, (_, i) => 3 * i);
    assert.equal(await d.upload("bool", bytes).read(), bytes);
    assert.equal(await d.upload("f16", halves).read(), halves);
    assert.equal(await d.upload("i32", Int32Array.from(halves)).read(), Int32Array.from(halves));
  }
  d.destroy();
});
onDevice("contents survive the growth of the heap", async () => {
  const d = await open({ heapBytes: 1 << 20 });
  const a = d.upload("f32", f32(1, 2, 3));
  const b = d.upload("f32", new Float32Array(3 << 20).fill(4));
  assert.ok(d.memory().reserved > 12 << 20);
  const c = d.upload("f32", f32(5));
  assert.equal(await Promise.all([a, c].map(numbersOf)), [[1, 2, 3], [5]]);
  const read = await b.read();
  assert.is(read.length, 3 << 20);
  assert.ok(read.every(x => x === 4));
  d.destroy();
});
onDevice("a caller may change its data after upload, also when the upload has to wait its turn", async () => {
  const d = await open({ heapBytes: 1 << 20 });
  const grows = d.upload("f32", new Float32Array(1 << 20).fill(1)); // later commands wait for the larger heap
  const data = f32(1, 2, 3),
    a = d.upload("f32", data);
  data.fill(9);
  assert.equal(await numbersOf(a), [1, 2, 3]);
  assert.is((await grows.read())[7], 1);
  d.destroy();
});
onDevice("a disposed array refuses, disposing twice is harmless, and nothing stays behind", async () => {
  const d = await open();
  const a = d.upload("i32", Int32Array.of(5));
  const read = a.read(); // begun before the end
  a.dispose();
  a.dispose();
  const other = d.upload("i32", Int32Array.of(6)); // takes the memory
  assert.equal([...(await read)], [5]);
  assert.equal([...(await other.read())], [6]);
  other.dispose();
  assert.match(String(await failure(a.read())), /E0701/);
  assert.equal([d.memory().arrays, d.memory().live], [0, 0]);
  d.destroy();
});
onDevice("more than the device can bind is out of memory at once: typed, with its numbers, nothing leaked", async () => {
  const d = await open();
  const a = d.upload("f32", f32(1));
  const { live } = d.memory();
  assert.throws(
    () => d.create("u8", 2 ** 33),
    (e: unknown) => e instanceof OutOfMemoryError && e.facts.requested === 2 ** 33 && e.facts.live === live,
  );
  assert.equal([d.memory().live, ...(await numbersOf(a))], [live, 1]);
  d.destroy();
});
onDevice(
  "memory the driver turns out not to have is out of memory later: older tensors stay, later ones say so, the next small ones work",
  async () => {
    const d = await open({ heapBytes: 1 << 20 });
    const add = d.load(addConstant(3, 10));
    const old = d.upload("f32", f32(1, 2, 3));
    const limit = d.timeline.gpu.limits.maxBufferSize;
    const huge = d.create("u8", limit - (1 << 20)); // SwiftShader refuses one buffer of its whole limit
    const [later] = add.run([old]);
    if (!later) throw new Error("a program of one result gave none");
    assert.instance(await failure(later.read()), OutOfMemoryError);
    assert.throws(() => add.run([later]), /E0702/);
    later.dispose();
    huge.dispose();
    assert.equal(await numbersOf(old), [1, 2, 3]);
    const [again] = add.run([old]);
    assert.equal(await numbersOf(again), [11, 12, 13]);
    again?.dispose();
    old.dispose();
    assert.equal([d.memory().arrays, d.memory().live], [0, 0]);
    d.destroy();
  },
);
onDevice("arrays that nobody holds are released when the program yields", async () => {
  const d = await open();
  for (let i = 0; i < 300; i++) d.upload("f32", new Float32Array(1 << 10));
  for (let i = 0; i < 40 && d.memory().arrays > 100; i++) {
    for (let k = 0; k < 5; k++) d.create("f32", 1 << 24).dispose(); // pressure
    await new Promise(r => setTimeout(r, 20));
  }
  assert.ok(d.memory().arrays < 300, `${d.memory().arrays} arrays are still live`);
  d.destroy();
});

test.run();
