// The CUDA device over a driver without a card: contents survive every way through, memory is given back, running out, refusals and losses are typed errors,
// and a device that is unavailable says why.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { PtxArtifact } from "../../../runtime/artifact.ts";
import { CudaDevice } from "../../../runtime/cuda/device.ts";
import { CudaError } from "../../../runtime/cuda/error.ts";
import { DeviceLostError } from "../../../runtime/errors/lost.ts";
import { OutOfMemoryError } from "../../../runtime/errors/memory.ts";
import { failCallOf, withFaults } from "../../cuda/faults.ts";
import { FakeDriver } from "../../cuda/fake.ts";
import { closes, paper } from "../../cuda/paper.ts";

const ramp = (n: number, from = 0): Float32Array => Float32Array.from({ length: n }, (_, i) => from + i);
/** One launch of `body`, which has the address of an f32[32] in %rd0 and the lane in %r0. */
const program = (body: string, extra: Partial<PtxArtifact["kernels"][number]> = {}): PtxArtifact => ({
  kind: "ptx",
  text: `.version 7.0\n.target sm_80\n.address_size 64\n.visible .entry k(.param .u64 k_p0)\n.maxntid 32, 1, 1\n{\n.reg .b64 %rd<4>;\n.reg .b32 %r<4>;\n.reg .f32 %f<4>;\nld.param.u64 %rd0, [k_p0];\ncvta.to.global.u64 %rd0, %rd0;\nmov.u32 %r0, %tid.x;\n${body}\nret;\n}\n`,
  kernels: [{ entry: "k", groups: 1, threads: 32, sharedBytes: 0, params: [{ dtype: "f32" }], ...extra }],
  inputs: [],
  outputs: [{ dtype: "f32", elements: 32 }],
  arenaBytes: 0,
  slots: [{ id: 0, dtype: "f32", elements: 32, home: { kind: "output", index: 0 } }],
  steps: [{ kind: "launch", kernel: 0, args: [{ slot: 0, base: 0, terms: [] }] }],
});
const numbers = "cvt.rn.f32.u32 %f0, %r0;\nmad.wide.u32 %rd1, %r0, 4, %rd0;\nst.global.f32 [%rd1], %f0;";
const wild = "mov.u64 %rd1, 64;\nst.global.f32 [%rd1], 0f00000000;";

test("what is uploaded is read back, in one piece or many, blocking or not", async () => {
  const card = paper({}, { stagingBytes: 4096 }),
    { device } = card;
  for (const n of [0, 1, 255, 256, 257, 5000]) {
    const a = device.upload("f32", ramp(n));
    assert.equal(a.readSync(), ramp(n));
    assert.equal(await a.read(), ramp(n));
    a.dispose();
  }
  const bytes = device.upload("u8", Uint8Array.of(1, 2, 3));
  assert.equal([...(await bytes.read())], [1, 2, 3]);
  bytes.dispose();
  assert.is(device.memory().live, 0);
  assert.is(device.memory().arrays, 0);
  closes(card);
});
test("the host may change what it has uploaded at once", async () => {
  const card = paper(),
    data = ramp(100),
    a = card.device.upload("f32", data);
  data.fill(-1);
  assert.equal(await a.read(), ramp(100));
  closes(card);
});
test("many reads at once end in any order with what was there when they began, though the arrays are gone", async () => {
  const card = paper({}, { stagingBytes: 4096 }),
    { device } = card;
  const reads = Array.from({ length: 20 }, (_, i) => {
    const a = device.upload("f32", ramp(700, 1000 * i)),
      read = a.read();
    a.dispose();
    device.upload("f32", new Float32Array(700).fill(-1)).dispose(); // would take the same memory
    return read;
  });
  const between = device.upload("f32", ramp(900));
  assert.equal(between.readSync(), ramp(900)); // the ring is full of the others' pieces
  for (const [i, read] of reads.entries()) assert.equal(await read, ramp(700, 1000 * i));
  closes(card);
});
test("a disposed array refuses to be read, disposing twice is harmless, and arrays that nobody holds are released", async () => {
  const card = paper(),
    { device } = card,
    a = device.upload("i32", Int32Array.of(5));
  a.dispose();
  a.dispose();
  assert.throws(() => a.readSync(), /E0701/);
  try {
    await a.read();
    assert.unreachable();
  } catch (e) {
    assert.match(String(e), /E0701/);
  }
  for (let i = 0; i < 300; i++) device.upload("f32", new Float32Array(1 << 12));
  for (let i = 0; i < 20 && device.memory().arrays > 250; i++) {
    device.upload("f32", new Float32Array(1 << 20));
    await new Promise(r => setTimeout(r, 20));
  }
  assert.ok(device.memory().arrays < 300, `${device.memory().arrays} arrays are still live`);
});
test("out of memory is typed, carries its numbers, leaks nothing, and the next small request works", () => {
  const card = paper({ bytes: 8 * 2 ** 20 }),
    { device } = card,
    kept = device.upload("f32", ramp(1000));
  const { live, arrays } = device.memory();
  assert.throws(
    () => device.create("f32", 3e6),
    (e: unknown) => e instanceof OutOfMemoryError && e.facts.requested === 12e6 && e.facts.live === live && e.code === "E0702",
  );
  assert.equal([device.memory().live, device.memory().arrays], [live, arrays]);
  assert.equal(kept.readSync(), ramp(1000));
  const large = device.create("u8", 5 * 2 ** 20);
  large.dispose();
  device.create("u8", 6 * 2 ** 20).dispose(); // the region of the one before had to go first
  closes(card);
});
test("a program runs as often as it is called, is assembled once, and is unloaded with its last user", () => {
  const card = paper(),
    { device, driver } = card,
    first = device.load(program(numbers)),
    second = device.load(program(numbers));
  assert.is(driver.live()["module"], 1);
  for (let i = 0; i < 3; i++) {
    const [out] = first.run([]);
    assert.equal(out?.readSync(), ramp(32));
  }
  first.dispose();
  first.dispose();
  assert.is(driver.live()["module"], 1);
  assert.equal(second.run([])[0]?.readSync(), ramp(32));
  second.dispose();
  assert.is(driver.live()["module"], undefined);
  closes(card);
});
test("code that the driver refuses is shown with the driver's log", () => {
  const card = paper();
  assert.throws(
    () => card.device.load(program("fly.to.the.moon;")),
    (e: unknown) =>
      e instanceof CudaError &&
      /E0707: cuModuleLoadDataEx returned 218 \(CUDA_ERROR_INVALID_PTX\) while assembling a program/.test(e.message) &&
      /line 13/.test(e.message) &&
      /fly\.to\.the\.moon/.test(e.message),
  );
  closes(card);
});
test("shared memory beyond what a block has is asked for first, and a cluster is launched as one", async () => {
  const card = paper(),
    exe = card.device.load(program(numbers, { dynamicSharedBytes: 100_000, cluster: 2, groups: 4 }));
  for (let i = 0; i < 2; i++) assert.equal(await exe.run([])[0]?.read(), ramp(32));
  closes(card);
});
test("a disposed device says so, and what was on it can still be disposed", () => {
  const card = paper(),
    a = card.device.upload("f32", ramp(4)),
    exe = card.device.load(program(numbers));
  closes(card);
  assert.throws(() => a.readSync(), /E0704: the device cuda:0 \(Paper card, sm_90\) was lost: it was disposed/);
  assert.throws(() => exe.run([]), /E0704/);
  a.dispose();
  exe.dispose();
  closes(card);
});
test("a kernel's fault shows at the next wait, and from then on every call says that the device is lost; giving things back is safe", async () => {
  const { device, driver } = paper();
  const a = device.upload("f32", ramp(10)),
    exe = device.load(program(wild)),
    good = device.load(program(numbers)),
    pending = a.read();
  const [out] = exe.run([]); // nothing is wrong yet
  const later = out?.read();
  const lost = async (p: Promise<unknown> | undefined): Promise<void> => {
    try {
      await p;
      assert.unreachable("it should have been rejected");
    } catch (e) {
      assert.instance(e, DeviceLostError);
      assert.match(String(e), /E0704: the device cuda:0 \(Paper card, sm_90\) was lost: cu\w+ returned 700 \(CUDA_ERROR_ILLEGAL_ADDRESS\)/);
    }
  };
  await lost(later);
  await pending.catch(() => {}); // it may have come before
  for (const act of [
    () => a.readSync(),
    () => device.upload("f32", ramp(3)),
    () => good.run([]),
    () => device.load(program(numbers)),
    () => device.create("f32", 3),
  ])
    assert.throws(act, (e: unknown) => e instanceof DeviceLostError);
  await lost(device.sync());
  await lost(a.read());
  assert.is(device.lost, true);
  a.dispose();
  out?.dispose();
  exe.dispose();
  device.dispose();
  assert.equal(driver.violations, []);
  assert.is(device.memory().arrays, 0);
});
test("the host runs at most so many calls ahead of the card", () => {
  const card = paper({}, { runAhead: 3 }),
    exe = card.device.load(program(numbers));
  const outs = Array.from({ length: 10 }, () => exe.run([])[0]);
  assert.is(card.driver.executed >= 7, true, `${card.driver.executed} of 10 launches are done`);
  assert.is(card.driver.executed < 10, true);
  for (const o of outs) assert.equal(o?.readSync(), ramp(32));
  closes(card);
});
test("an argument of another device is refused", () => {
  const one = paper(),
    two = paper(),
    a = two.device.upload("f32", ramp(4));
  const exe = one.device.load({ ...program(numbers), inputs: [{ dtype: "f32", elements: 4 }] });
  assert.throws(() => exe.run([a]), /E0703: an argument lives on cuda:0/);
});
test("a device that is unavailable says why", () => {
  const reasons: readonly (readonly [ConstructorParameters<typeof FakeDriver>[0], RegExp])[] = [
    [{ cards: 0 }, /E0703.*the driver sees no card/],
    [{ driverVersion: 11080 }, /E0703.*the driver is for CUDA 11\.8, 12\.0 is needed/],
    [{ capability: 70 }, /E0703.*compute capability 7, 7\.5 is needed/],
    [{ capability: 120, driverVersion: 12040 }, /E0703.*the driver is for CUDA 12\.4, Paper card needs 12\.8/],
  ];
  for (const [options, reason] of reasons) {
    const driver = new FakeDriver(options);
    assert.throws(() => new CudaDevice({ driver }), reason);
    assert.equal(
      Object.entries(driver.live()).filter(([, n]) => n > 0),
      [],
    );
  }
  assert.throws(() => new CudaDevice({ driver: new FakeDriver(), ordinal: 3 }), /E0703.*there is no card 3, only 1/);
  const noCard = withFaults(new FakeDriver(), failCallOf("cuInit", 1, 100)).driver;
  assert.throws(
    () => new CudaDevice({ driver: noCard }),
    /E0703: the device "cuda" is unavailable: cuInit returned 100 \(CUDA_ERROR_NO_DEVICE\)/,
  );
});
test("a newer card runs code for the newest instruction set that is known", () => {
  const at = (capability: number): unknown => paper({ capability }).device.target;
  const rest = { threads: 1024, sharedBytes: 49152, processors: 4 };
  assert.equal(at(86), { kind: "cuda", features: { ...rest, capability: 80, sharedBytesOptIn: 101376 } });
  assert.equal(at(120), { kind: "cuda", features: { ...rest, capability: 100, sharedBytesOptIn: 232448 } });
});

test.run();
