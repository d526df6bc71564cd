// Trees of tensors from one device to another: every dtype keeps its bits, what is there already stays, what does not fit is refused and leaves nothing behind.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { array, defaultDevice, OutOfMemoryError, setDefaultDevice, toDevice, wasm, type DType, type Tensor } from "../../stdlib/index.ts";
import { failure, onDevice, open } from "../runtime/webgpu/device.ts";

onDevice("a tree goes to the GPU and back with its structure, its other leaves and the bits of every dtype", async () => {
  const cpu = wasm({ threads: 1 }),
    gpu = await open();
  setDefaultDevice(cpu);
  const dtypes: readonly DType[] = ["f32", "f16", "bf16", "i32", "u32", "i8", "u8", "bool"];
  const tree = { parts: dtypes.map(dtype => array([1, 0, 1], { dtype })), rate: 0.5, none: null, scalar: array(0.1) };
  const there = await toDevice(tree, gpu),
    back = await toDevice(there);
  assert.equal([there.rate, there.none], [0.5, null]);
  assert.is(gpu.memory().arrays, 9);
  for (const [i, x] of [...back.parts, back.scalar].entries()) {
    const want = [...tree.parts, tree.scalar][i] as Tensor; // as many
    assert.equal([x.dtype, x.shape, [...x.dataSync()]], [want.dtype, want.shape, [...want.dataSync()]]);
  }
  assert.is(await there.scalar.itemAsync(), Math.fround(0.1));
  assert.equal(await there.parts[7]?.tolistAsync(), [true, false, true]);
  assert.is((await toDevice(there, gpu)).scalar, there.scalar, "what lies there stays");
  gpu.destroy();
});
onDevice("a dtype that the device lacks is refused, and nothing of the tree stays there", async () => {
  setDefaultDevice(wasm({ threads: 1 }));
  const gpu = await open();
  assert.match(String(await failure(toDevice([array([1]), array([1], { dtype: "f64" })], gpu))), /E0705/);
  assert.equal([gpu.memory().arrays, gpu.memory().live], [0, 0]);
  gpu.destroy();
});
test("where there is no room until queued calls are done, a tree waits for them", async () => {
  const cpu = wasm({ threads: 1 }),
    tight = wasm({ threads: 1 });
  const upload = tight.upload.bind(tight);
  let room = false;
  tight.upload = (dtype, data) => {
    if (!room) throw new OutOfMemoryError({ requested: data.byteLength, live: 0, peak: 0, largest: 0, waiting: data.byteLength });
    return upload(dtype, data);
  };
  tight.sync = async () => {
    room = true;
  };
  const { x } = await toDevice({ x: array([1, 2], { device: cpu }) }, tight);
  assert.equal(x.tolist(), [1, 2]);
  assert.is(room, true);
});
test("a number of JavaScript's has a value on every device, and a scalar is read as one", async () => {
  setDefaultDevice(wasm({ threads: 1 }));
  const x = array(3);
  assert.is(await x.itemAsync(), 3);
  assert.match(String(await failure(array([1, 2]).itemAsync())), /E0205/);
  assert.is(await toDevice(x), x);
  assert.is(defaultDevice().kind, "wasm");
});

test.run();
