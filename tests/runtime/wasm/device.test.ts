// Memory of the CPU device: contents survive growth, released tensors refuse, forgotten ones are collected, and running out is a typed error.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { OutOfMemoryError } from "../../../runtime/errors/memory.ts";
import { WasmDevice } from "../../../runtime/wasm/device.ts";

test("what is uploaded is read back, also after the memory has grown", () => {
  const d = new WasmDevice({ threads: 1 });
  const a = d.upload("f32", Float32Array.of(1, 2, 3));
  const big = d.upload("u8", new Uint8Array(64 << 20).fill(7));
  assert.equal([...a.readSync()], [1, 2, 3]);
  assert.is(big.readSync()[1 << 20], 7);
  big.dispose();
});
test("a disposed array refuses to be read, and disposing twice is harmless", () => {
  const d = new WasmDevice({ threads: 1 });
  const a = d.upload("i32", Int32Array.of(5));
  a.dispose();
  a.dispose();
  assert.is(a.released, true);
  assert.throws(() => a.readSync(), /E0701/);
  assert.is(d.memory().arrays, 0);
  assert.is(d.memory().live, 0);
});
test("out of memory is typed, carries its numbers, leaks nothing, and the next small request works", () => {
  const d = new WasmDevice({ threads: 1 });
  const live = d.memory().live;
  assert.throws(
    () => d.allocate(5e9),
    (e: unknown) => e instanceof OutOfMemoryError && e.facts.requested === 5e9 && e.code === "E0702",
  );
  assert.is(d.memory().live, live);
  d.upload("f64", Float64Array.of(1)).dispose();
  assert.is(d.memory().live, live);
});
test("arrays that nobody holds are released when the program yields", async () => {
  const d = new WasmDevice({ threads: 1 });
  for (let i = 0; i < 400; i++) d.upload("f32", new Float32Array(1 << 18));
  await new Promise(r => setTimeout(r, 50));
  for (let i = 0; i < 10 && d.memory().arrays > 300; i++) {
    d.upload("f32", new Float32Array(1 << 24));
    await new Promise(r => setTimeout(r, 20));
  }
  assert.ok(d.memory().arrays < 300, `${d.memory().arrays} arrays are still live`);
});

test.run();
