// Every driver call of a training run made to fail, one at a time: a typed error, nothing left behind, and the device (or, where it is lost, a new one)
// trains on.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PtxDevice } from "../../ptx/device.ts";
import type { Driver } from "../../../runtime/cuda/driver.ts";
import { CudaDevice } from "../../../runtime/cuda/device.ts";
import { CudaError } from "../../../runtime/cuda/error.ts";
import { PullbackError } from "../../../runtime/errors/error.ts";
import { DeviceLostError } from "../../../runtime/errors/lost.ts";
import { OutOfMemoryError } from "../../../runtime/errors/memory.ts";
import { failCall, failCallOf, loseDevice, withFaults, type FaultRule } from "../../cuda/faults.ts";
import { FakeDriver } from "../../cuda/fake.ts";
import {
  array,
  jit,
  matmul,
  setDefaultDevice,
  sub,
  sum,
  mul,
  tanh,
  valueAndGrad,
  wasm,
  while_,
  less,
  type Tensor,
} from "../../../stdlib/index.ts";

const ptx = new PtxDevice({ capability: 90, bytes: 2 ** 22 }); // one interpreter for all: what it has loaded stays loaded
const options = { regionBytes: 2 ** 21, stagingBytes: 2 ** 14 };

const loss = (w: Tensor, x: Tensor): Tensor => sum(tanh(matmul(x, w)));
/** Three donated steps and a loop that ends on its data: direct launches, a recording, a replay, reads. What it returns is the same without faults. */
async function train(device: CudaDevice): Promise<number[]> {
  setDefaultDevice(device);
  const step = jit(
      (w: Tensor, x: Tensor) => {
        const { value, grad } = valueAndGrad(loss)(w, x);
        return { value, w: sub(w, mul(grad, 0.1)) };
      },
      { donate: [0] },
    ),
    shrink = jit((w: Tensor) =>
      while_(
        (v: Tensor) => less(0.01, sum(mul(v, v))),
        (v: Tensor) => mul(v, 0.25),
        w,
      ),
    );
  const live: Tensor[] = [];
  const keep = (t: Tensor): Tensor => (live.push(t), t);
  try {
    const x = keep(array([0.5, -1, 2, 0.25, 1, -0.75], { shape: [2, 3] }));
    let w = keep(array([0.1, 0.2, -0.3], { shape: [3, 1] }));
    const out: number[] = [];
    for (let i = 0; i < 3; i++) {
      const r = step(w, x);
      w = keep(r.w);
      out.push(keep(r.value).item());
    }
    const small = keep(shrink(w) as Tensor); // the loop keeps its type
    return [...out, ...Array.from(await small.data())];
  } finally {
    for (const t of live) t.dispose();
  }
}
interface Outcome {
  readonly error: unknown;
  readonly result: readonly number[] | undefined;
  readonly device: CudaDevice | undefined;
  readonly driver: FakeDriver;
  readonly calls: number;
}
/** A device is opened and trains, with faults. */
async function attempt(rule: FaultRule): Promise<Outcome> {
  const driver = new FakeDriver({ ptx }),
    faulty = withFaults(driver, rule);
  let device: CudaDevice | undefined;
  const end = (error: unknown, result?: readonly number[]): Outcome => ({ error, result, device, driver, calls: faulty.count() });
  try {
    device = new CudaDevice({ ...options, driver: faulty.driver as Driver });
    return end(undefined, await train(device));
  } catch (e) {
    return end(e);
  }
}
const isTyped = (e: unknown): boolean => e instanceof CudaError || e instanceof OutOfMemoryError || String(e).includes("E0703");
const close = ({ device, driver }: Outcome, what: string): void => {
  device?.dispose();
  assert.equal(driver.violations, [], what);
  assert.equal(
    Object.entries(driver.live()).filter(([, n]) => n > 0),
    [],
    what,
  );
};
const clean = await attempt(() => undefined);
const want = clean.result ?? [];

test("without a fault the run trains as on the Wasm device", async () => {
  assert.is(clean.error, undefined);
  const same = await train(wasm({ threads: 1 }) as unknown as CudaDevice); // any device will do
  assert.is(want.length, same.length);
  want.forEach((x, i) => assert.ok(Math.abs(x - (same[i] ?? NaN)) < 1e-6, `${x} and ${same[i]}`));
  close(clean, "clean");
});
for (const [code, name] of [
  [701, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"],
  [2, "CUDA_ERROR_OUT_OF_MEMORY"],
] as const)
  test(`the Nth call returns ${name}, for every N: a typed error, nothing left behind, and the same device then trains`, async () => {
    let failed = 0;
    for (let n = 1; n <= clean.calls; n++) {
      const outcome = await attempt(failCall(n, code)),
        what = `call ${n} of ${clean.calls}`;
      if (outcome.error === undefined) {
        assert.equal(outcome.result, want, what); // a call whose failure has a remedy: memory was found elsewhere
      } else {
        failed++;
        assert.instance(outcome.error, PullbackError, `${what}: ${String(outcome.error)}`);
        assert.ok(isTyped(outcome.error), what);
      }
      const { device } = outcome;
      if (device) {
        await device.sync().catch((e: unknown) => assert.instance(e, CudaError)); // what giving back could not say
        assert.is(device.memory().arrays, 0, `${what}: ${device.memory().arrays} arrays are live`);
        assert.is(device.memory().live, 0, what);
        assert.equal(await train(device), want, `${what}: the next run`);
      }
      close(outcome, what);
    }
    assert.ok(failed > clean.calls / 2, `${failed} of ${clean.calls} calls failed the run`);
  });
test("the device is lost at the Nth call, for every N: the same error from then on, and a new device trains", async () => {
  for (let n = 1; n <= clean.calls; n++) {
    const outcome = await attempt(loseDevice(n)),
      what = `call ${n} of ${clean.calls}`;
    assert.instance(outcome.error, DeviceLostError, `${what}: ${String(outcome.error)}`);
    const { device } = outcome;
    if (!device) continue;
    const before = String(outcome.error).split("\n")[0];
    for (let again = 0; again < 2; again++)
      try {
        await train(device);
        assert.unreachable(what);
      } catch (e) {
        assert.is(String(e).split("\n")[0], before, what);
      }
    assert.is(device.memory().arrays, 0, what);
    device.dispose();
    device.dispose();
  }
  assert.equal((await attempt(() => undefined)).result, want);
});
test("an allocation that fails once is tried smaller, and after that with what is unused given back", async () => {
  for (const [n, code] of [
    [1, 2],
    [2, 2],
  ] as const) {
    const outcome = await attempt(failCallOf("cuMemAlloc", n, code));
    assert.equal(outcome.result, want);
    close(outcome, `allocation ${n}`);
  }
});

test.run();
