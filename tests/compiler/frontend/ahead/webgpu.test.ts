// The same model on WebGPU: the launcher's numbers are the JIT's on WebAssembly within what a chain of operations may differ by, and a GPU that is not there is said.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openDevice, wasm, webgpu, type DeviceTensor } from "../../../../runtime/aot/index.ts";
import type { Gpu } from "../../../../runtime/webgpu/api.ts";
import { array, jit, type Tensor } from "../../../../stdlib/index.ts";
import * as tree from "../../../../stdlib/tree.ts";
import { chain } from "../../../backends/tolerance.ts";
import { swiftshader, useVulkan } from "../../../support/drivers.ts";
import { withDrivers } from "../../../support/skip.ts";
import { built, labels, x, type Call, type Run } from "./built.ts";
import * as model from "./mlp.ts";

const driver = swiftshader();
if (driver.kind === "found") useVulkan(driver.path);
const { functions } = await built();
const { init, step, control } = functions as Record<"init" | "step" | "control", Call>; // what the model has
let gpu: Gpu | undefined; // kept: Dawn's object must not be collected
const onGpu = withDrivers([driver]);

async function same(got: unknown, want: unknown): Promise<void> {
  const wanted = tree.leaves(want) as Tensor[]; // the library's
  for (const [i, g] of (tree.leaves(got) as DeviceTensor[]).entries()) {
    const data = await g.data(),
      w = wanted[i]?.dataSync() ?? [];
    assert.is(data.length, w.length);
    data.forEach((v, k) => assert.ok(Math.abs(v - Number(w[k])) <= chain(g.dtype) * (1 + Math.abs(v)), `${i}: ${v} is not ${w[k]}`));
  }
}

onGpu("on WebGPU a training step gives the same numbers, its results fed back", async () => {
  const { create } = (await import("webgpu")) as unknown as { create(flags: string[]): Gpu }; // the package's documented entry
  gpu = create([]);
  const device = await openDevice(() => webgpu(gpu), wasm);
  assert.is(device.kind, "webgpu", device.reason);
  let ours = (await init()) as unknown as Run,
    theirs = model.init(),
    live = 0;
  for (let i = 0; i < 5; i++) {
    const next = (await step(ours.params, ours.state, x, labels, 0.5)) as unknown as Run & { readonly loss: DeviceTensor };
    const want = model.step(theirs.params, theirs.state, array(x).reshape([64, 2]) as never, array(labels, { dtype: "i32" }) as never, 0.5);
    await same(next, want);
    next.loss.dispose();
    live ||= device.live();
    assert.is(device.live(), live);
    ours = next;
    theirs = want;
  }
});
onGpu("on WebGPU loops, and branches that the device decides, give the same numbers", async () => {
  const start = Float32Array.of(1, -2, 3, -0.5, 0.25),
    compiled = jit(model.control);
  for (const limit of [1, 1e3, 1e6]) await same(await control(start, limit), compiled(array(start) as never, array(limit) as never));
});
onGpu("on WebGPU a call is one submit, whatever is in it, and only values that decide ask for more", async () => {
  let submits = 0;
  const counting: Gpu = {
    requestAdapter: async o => {
      const adapter = await gpu?.requestAdapter(o);
      if (!adapter) return null;
      const { features, limits, info } = adapter;
      return {
        features,
        limits,
        ...(info ? { info } : {}),
        requestDevice: async d => {
          const device = await adapter.requestDevice(d),
            { queue } = device,
            submit = queue.submit.bind(queue);
          return new Proxy(device, {
            get: (target, name) => {
              if (name === "queue")
                return { submit: (c: Parameters<typeof submit>[0]) => (submits++, submit(c)), writeBuffer: queue.writeBuffer.bind(queue) };
              const value: unknown = Reflect.get(target, name, target);
              return typeof value === "function" ? (value.bind(target) as unknown) : value;
            },
          });
        },
      };
    },
  };
  await openDevice(() => webgpu(counting));
  const { params, state } = (await init()) as unknown as Run,
    next = (await step(params, state, x, labels, 1)) as unknown as Run;
  submits = 0;
  await step(next.params, next.state, x, labels, 1);
  assert.is(submits, 1);
  submits = 0;
  await control(Float32Array.of(1, -2, 3, -0.5, 0.25), 1);
  assert.ok(submits > 2, `${submits}`);
});
onGpu("on WebGPU a device that is closed says that it is lost, and another can be opened", async () => {
  const device = await openDevice(() => webgpu(gpu)),
    { params, state } = (await init()) as unknown as Run;
  device.close();
  const lost = /^E0704: the device WebGPU \(\w+\) was lost/;
  for (const use of [() => params.w1.data(), () => params.w2.data(), () => step(params, state, x, labels, 1)])
    await use().then(
      () => assert.unreachable("it went on"),
      (e: unknown) => assert.match((e as Error).message, lost),
    );
  await openDevice(() => webgpu(gpu));
  const again = (await init()) as unknown as Run;
  await same(again, model.init());
});
onGpu("on WebGPU memory grows with its contents, and a call on tensors of two devices is refused", async () => {
  const device = await openDevice(() => webgpu(gpu)),
    kept = (await init()) as unknown as Run;
  const block = device.allocate(64 << 20); // the heap has 16 MiB at first
  await same(kept, model.init());
  device.release(block);
  await openDevice(wasm);
  const other = (await init()) as unknown as Run;
  await step(kept.params, other.state, x, labels, 1).then(
    () => assert.unreachable("it was taken"),
    (e: unknown) => assert.is((e as Error).message.split("\n")[0], "E0703: arguments of step live on two devices"),
  );
});
test("without a GPU the next choice is opened, and says why; alone it is refused", async () => {
  const none: Gpu = { requestAdapter: () => Promise.resolve(null) };
  const { kind, name, reason } = await openDevice(() => webgpu(none), wasm);
  assert.equal([kind, name, reason], ["wasm", "WebAssembly", "WebGPU is unavailable: there is no adapter"]);
  await openDevice(() => webgpu(none)).then(
    () => assert.unreachable("it was opened"),
    (e: unknown) => assert.is((e as Error).message, "E0703: WebGPU is unavailable: there is no adapter"),
  );
});
test.run();
