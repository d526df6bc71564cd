// A profile on CUDA: every launch counted and timed by the card's clock, what a kernel takes of a processor, no graphs meanwhile, and no event left behind.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ProfileRow } from "../../../runtime/profile.ts";
import { DeviceLostError } from "../../../runtime/errors/lost.ts";
import { failCallOf, withFaults } from "../../cuda/faults.ts";
import { closes, paper } from "../../cuda/paper.ts";
import { array, grad, jit, matmul, setDefaultDevice, softmax, sum, tanh, type Tensor } from "../../../stdlib/index.ts";

const numbers = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.sin(i));
const launches = (rows: readonly ProfileRow[]): number => rows.reduce((sum, r) => sum + r.launches, 0);
const step = jit((w: Tensor) => grad((v: Tensor) => sum(tanh(softmax(matmul(v, v)))))(w));

test("every launch of a program is counted and timed, and each kernel's row tells what a processor holds of it", async () => {
  const card = paper(),
    { device, driver } = card;
  setDefaultDevice(device);
  const w = array(numbers(25), { shape: [5, 5] });
  const want = [1, 2].map(() => step(w).dataSync())[1];
  const profile = device.profile(),
    before = driver.executed,
    { graphs } = driver.launches;
  const got = [1, 2, 3].map(() => step(w));
  const rows = await profile.finish();
  assert.equal(got.at(-1)?.dataSync(), want);
  assert.is(driver.launches.graphs, graphs, "a graph has no time of its own kernels");
  assert.is(launches(rows), driver.executed - before);
  assert.ok(rows.length > 1);
  for (const r of rows) {
    assert.is(r.launches % 3, 0);
    assert.is(r.timed, r.launches);
    assert.ok(r.milliseconds > 0);
    assert.ok(r.residency, "the driver tells");
    const { threads, registers, groupsPerProcessor } = r.residency;
    assert.ok(threads >= 32 && registers > 0 && groupsPerProcessor >= 1, JSON.stringify(r));
  }
  assert.equal(
    rows.map(r => r.milliseconds),
    rows.map(r => r.milliseconds).toSorted((a, b) => b - a),
  );
  step(w).dispose();
  assert.is(driver.launches.graphs, graphs + 1, "after the profile programs are replayed again");
  for (const t of [w, ...got]) t.dispose();
  closes(card);
});
test("more launches than are kept open are read in between; an unfinished profile, and one that another takes the place of, leave nothing", async () => {
  const card = paper();
  setDefaultDevice(card.device);
  const w = array(numbers(25), { shape: [5, 5] });
  card.device.profile();
  step(w).dispose();
  const second = card.device.profile();
  step(w).dispose();
  assert.ok(launches(await second.finish()) > 1);
  const long = card.device.profile(),
    times = 1100,
    small = jit((t: Tensor) => tanh(t)),
    x = array([1]);
  for (let i = 0; i < times; i++) small(x).dispose();
  assert.is(launches(await long.finish()), times);
  card.device.profile();
  step(w).dispose();
  for (const t of [w, x]) t.dispose();
  closes(card);
});
test("a refused launch is told as ever; a lost device ends the profile with its error", async () => {
  for (const [call, result] of [
    ["cuLaunchKernel", 1],
    ["cuEventRecord", 1],
  ] as const) {
    const card = paper({}, {}, d => withFaults(d, failCallOf(call, 3, result)).driver);
    setDefaultDevice(card.device);
    const w = array(numbers(25), { shape: [5, 5] }),
      profile = card.device.profile();
    assert.throws(() => step(w), new RegExp(`${call} returned 1`));
    w.dispose();
    await profile.finish();
    closes(card);
  }
  const card = paper({}, {}, d => withFaults(d, failCallOf("cuEventElapsedTime", 1, 700)).driver);
  setDefaultDevice(card.device);
  const w = array(numbers(25), { shape: [5, 5] }),
    profile = card.device.profile();
  step(w);
  const error = await profile.finish().then(
    () => undefined,
    (e: unknown) => e,
  );
  assert.instance(error, DeviceLostError);
  card.device.dispose();
});

test.run();
