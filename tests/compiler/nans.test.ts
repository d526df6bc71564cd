// debugNans on a device that cannot be waited for: the call returns at once, and whoever reads a result gets the operation that made the first NaN.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { array, jit, log, mul, PullbackError, setDefaultDevice, sub, sum, type Tensor } from "../../stdlib/index.ts";
import { failure, onDevice, open } from "../runtime/webgpu/device.ts";

const nan = (e: unknown, pattern: RegExp): void => {
  assert.instance(e, PullbackError);
  assert.match((e as PullbackError).message, pattern); // an instance, as the line before has checked
};

onDevice("a read of any result rejects with the operation, its types and the user's line; without NaN it gives the numbers", async () => {
  const device = await open();
  setDefaultDevice(device);
  const f = jit((x: Tensor) => [mul(log(sub(x, 5)), 2), x] as const, { debugNans: true });
  const [bad, same] = f(array([1]));
  for (const x of [bad, same])
    nan(await failure(x.data()), /E0603: log made NaN from operands without any: f32\[1\] -> f32\[1\]\n {2}\S*nans\.test\.ts:\d+/);
  const [good] = f(array([6]));
  assert.is(await good.itemAsync(), 0);
  assert.is(await good.itemAsync(), 0);
  device.destroy();
});
onDevice("inputs are seen as they were before the call, also when they are given to it", async () => {
  const device = await open();
  setDefaultDevice(device);
  const f = jit((x: Tensor) => log(x), { debugNans: true, donate: [0] });
  assert.equal(await f(array([1, 1])).tolistAsync(), [0, 0]);
  nan(await failure(f(array([1, -1])).data()), /E0603: log made NaN/);
  nan(await failure(f(array([NaN, 1])).data()), /E0603: input 0 already holds NaN\n {2}\S*nans\.test\.ts:\d+/);
  device.destroy();
});
onDevice("in a loop that reads late, the first call that made NaN is the one that is told of", async () => {
  const device = await open();
  setDefaultDevice(device);
  const step = jit((x: Tensor) => log(x), { debugNans: true }),
    total = jit((x: Tensor) => sum(x), { debugNans: true });
  let x: Tensor = array([2]);
  for (let i = 0; i < 4; i++) x = step(x); // log 2, log log 2 < 0, then NaN
  nan(await failure(total(x).data()), /E0603: log made NaN from operands without any/);
  device.destroy();
});

test.run();
