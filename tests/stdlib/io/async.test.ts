// Checkpoints on a device that cannot be waited for: saved while the next step already runs, loaded on a device of choice, and nothing else differs.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { add, array, jit, PullbackError, setDefaultDevice, wasm, type Tensor } from "../../../stdlib/index.ts";
import { loadSafetensors, saveSafetensors, saveSafetensorsSync } from "../../../stdlib/io/index.ts";
import { failure, onDevice, open } from "../../runtime/webgpu/device.ts";

onDevice("the bytes are those that the same tree has on the CPU", async () => {
  const bytes: Uint8Array[] = [];
  for (const device of [wasm({ threads: 1 }), await open()]) {
    setDefaultDevice(device);
    bytes.push(
      await saveSafetensors({ w: array([[1, 2]]), half: array([0.5], { dtype: "bf16" }), n: 3, on: true }, { metadata: { step: "7" } }),
    );
  }
  assert.equal(bytes[1], bytes[0]);
});
onDevice("what is saved is what the tensors are at the call, though the next step is given their memory", async () => {
  const device = await open();
  setDefaultDevice(device);
  const step = jit((x: Tensor) => add(x, 1), { donate: [0] });
  let x = step(array([1, 2]));
  const saved = saveSafetensors({ x });
  for (let i = 0; i < 3; i++) x = step(x);
  assert.equal(await x.tolistAsync(), [5, 6]);
  const back = loadSafetensors(await saved, { like: { x } });
  assert.equal(await back.x.tolistAsync(), [2, 3]);
  device.destroy();
});
onDevice("a lost device says so; its tensors still give the structure to load into, on another device", async () => {
  const first = await open();
  setDefaultDevice(first);
  const tree = { w: array([1, 2]), n: array(3, { dtype: "i32" }) },
    bytes = await saveSafetensors(tree);
  first.timeline.gpu.destroy();
  const error = await failure(saveSafetensors(tree));
  assert.instance(error, PullbackError);
  assert.is((error as PullbackError).code, "E0704"); // an instance, as the line before has checked
  const second = await open();
  const back = loadSafetensors(bytes, { like: tree, device: second });
  assert.equal([await back.w.tolistAsync(), await back.n.itemAsync()], [[1, 2], 3]);
  const cpu = loadSafetensors(bytes, { device: wasm({ threads: 1 }) }) as { readonly w: Tensor };
  assert.equal(cpu.w.tolist(), [1, 2]);
  second.destroy();
});
onDevice("the blocking form names the one that waits", async () => {
  const device = await open();
  const tree = { w: array([1], { device }) };
  assert.throws(() => saveSafetensorsSync(tree), /E0706/);
  device.destroy();
});
test("a traced, a disposed and a bare tensor are refused by the waiting form too", async () => {
  setDefaultDevice(wasm({ threads: 1 }));
  const gone = array([1]);
  gone.dispose();
  assert.match(String(await failure(saveSafetensors({ gone }))), /E0904: gone cannot be saved/);
  assert.match(String(await failure(saveSafetensors(array([1])))), /E0904: a bare tensor/);
});

test.run();
