// Faults of the WebGPU device: a failed allocation or submit at every place of a program, a lost device, devices and buffers that are not ours.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PullbackError } from "../../../runtime/errors/error.ts";
import { DeviceLostError } from "../../../runtime/errors/lost.ts";
import { OutOfMemoryError } from "../../../runtime/errors/memory.ts";
import type { Gpu, GpuDevice } from "../../../runtime/webgpu/api.ts";
import { WebGpuDevice } from "../../../runtime/webgpu/device.ts";
import { f32, failure, numbersOf, onDevice, open } from "./device.ts";
import { addConstant, kernel, program, ref } from "./programs.ts";

let kept: Gpu | undefined; // never collected: Dawn's finalizers take the process down while promises are open

/** A program with an arena, two results and a loop; run twice, the second time with donation; every result read. */
const twoResults = program(
  {
    inputs: [["f32", 4]],
    outputs: [
      ["f32", 4, 0],
      ["f32", 4],
    ],
    arena: [["f32", 4]],
  },
  [kernel("twice", 1, ["f32", "f32"], "if (i < 4u) { heap[at(1) + i] = 2.0 * heap[at(0) + i]; }")],
  [
    { kind: "launch", kernel: 0, args: [ref(0), ref(3)] },
    { kind: "launch", kernel: 0, args: [ref(3), ref(2)] },
    { kind: "launch", kernel: 0, args: [ref(2), ref(1)] },
  ],
);
async function training(dev: WebGpuDevice): Promise<number[][]> {
  const kept: { dispose(): void }[] = [];
  const keep = <T extends { dispose(): void }>(x: T): T => (kept.push(x), x);
  try {
    const exe = keep(dev.load(twoResults)),
      x = keep(dev.upload("f32", f32(1, 2, 3, 4)));
    const first = exe.run([x]).map(keep);
    const second = exe.run([first[0] ?? x], [true]).map(keep);
    return await Promise.all([...second, first[1]].map(numbersOf));
  } finally {
    for (const x of kept) x.dispose();
  }
}
const expected = [
  [64, 128, 192, 256],
  [32, 64, 96, 128],
  [4, 8, 12, 16],
];

for (const kind of ["allocation", "submit"] as const)
  onDevice(`whichever ${kind} fails: a typed error, nothing leaked, and the next try works`, async () => {
    const dev = await open();
    assert.equal(await training(dev), expected);
    let n = 1;
    for (; ; n++) {
      dev.faults.set({ [kind]: n });
      const outcome = await training(dev).catch((e: unknown) => e);
      dev.faults.set({});
      if (Array.isArray(outcome)) break;
      assert.instance(outcome, kind === "allocation" ? OutOfMemoryError : PullbackError);
      assert.equal([dev.memory().arrays, dev.memory().live], [0, 0], `${kind} ${n}`);
      assert.equal(await training(dev), expected, `after ${kind} ${n}`);
    }
    assert.ok(n > 4, `only ${n - 1} places were tried`);
    dev.destroy();
  });
onDevice("a lost device: pending and later reads reject, calls throw, disposing still works, and another device goes on", async () => {
  const dev = await open();
  const exe = dev.load(addConstant(1, 1)),
    x = dev.upload("f32", f32(1));
  const [y] = exe.run([x]);
  const pending = failure(x.read()),
    synced = failure(dev.sync());
  dev.timeline.gpu.destroy();
  assert.instance(await pending, DeviceLostError);
  assert.instance(await synced, DeviceLostError);
  assert.is(dev.lost, true);
  assert.instance(y && (await failure(y.read())), DeviceLostError);
  assert.throws(() => exe.run([x]), /E0704/);
  assert.throws(() => dev.upload("f32", f32(1)), /E0704/);
  y?.dispose();
  x.dispose();
  exe.dispose();
  assert.equal([dev.memory().arrays, dev.memory().live], [0, 0]);
  const next = await open();
  assert.equal(await training(next), expected);
  next.destroy();
});
onDevice("a device lost in the middle of a loop that never ends ends it", async () => {
  const dev = await open();
  const forever = program(
    { inputs: [], outputs: [["bool", 1]] },
    [kernel("yes", 1, ["bool"], "if (i == 0u) { heap[at(0) / 4u] = 1u; }")],
    [{ kind: "while", test: [{ kind: "launch", kernel: 0, args: [ref(0)] }], pred: ref(0), body: [] }],
  );
  const [y] = dev.load(forever).run([]);
  const read = failure(y?.read() ?? Promise.resolve());
  await new Promise(r => setTimeout(r, 30));
  dev.timeline.gpu.destroy();
  assert.instance(await read, DeviceLostError);
});
onDevice("a device and buffers of the user's are used and never destroyed", async () => {
  await (await open()).selfTest(); // Dawn is loaded
  const { create } = (await import("webgpu")) as unknown as { create(flags: string[]): Gpu };
  kept = create([]);
  const adapter = await kept.requestAdapter();
  const mine = (await adapter?.requestDevice()) as GpuDevice; // the driver is there
  const dev = await open({ device: mine });
  const buffer = mine.createBuffer({ size: 16, usage: 0x4 | 0x8 });
  mine.queue.writeBuffer(buffer, 0, f32(1, 2, 3, 4) as Float32Array<ArrayBuffer>);
  const x = dev.fromBuffer(buffer, "f32", 3, 4);
  const [y] = dev.load(addConstant(3, 1)).run([x]);
  assert.equal(await numbersOf(y), [3, 4, 5]);
  dev.toBuffer(x, buffer);
  assert.equal(await numbersOf(dev.fromBuffer(buffer, "f32", 4)), [2, 3, 4, 4]);
  assert.throws(() => dev.fromBuffer(buffer, "f32", 5), /E0709.*16 bytes, 20 are needed/);
  assert.throws(() => dev.fromBuffer(mine.createBuffer({ size: 16, usage: 0x8 }), "f32", 4), /E0709.*COPY_SRC/);
  dev.destroy();
  mine.queue.writeBuffer(buffer, 0, f32(7) as Float32Array<ArrayBuffer>); // still there
  const again = await open({ device: mine });
  assert.equal(await numbersOf(again.fromBuffer(buffer, "f32", 1)), [7]);
  again.destroy();
});
onDevice("an error outside of every scope is no secret: what was done until then is void, and later work is good", async () => {
  const dev = await WebGpuDevice.open(); // not watched: this is what is watched for
  const before = dev.upload("f32", f32(1));
  dev.timeline.gpu.createBuffer({ size: 16, usage: 0x1 | 0x80 }); // MAP_READ goes with COPY_DST alone
  await new Promise(resolve => setTimeout(resolve, 50));
  assert.match(String(await failure(dev.sync())), /E0707: the driver refused: [^]*outside of any program/);
  assert.match(String(await failure(before.read())), /E0707/);
  assert.equal(await numbersOf(dev.upload("f32", f32(2))), [2]);
  await dev.sync();
  dev.destroy();
});
onDevice("a program that never yields is refused more calls, but not what gives back or waits; then all goes on", async () => {
  const dev = await open();
  const loop = dev.load(
    program(
      { inputs: [["bool", 1]], outputs: [["bool", 1]] },
      [kernel("copy", 1, ["bool", "bool"], "if (i == 0u) { heap[at(1) / 4u] = heap[at(0) / 4u]; }")],
      [
        { kind: "launch", kernel: 0, args: [ref(0), ref(1)] },
        { kind: "while", test: [], pred: ref(0), body: [] },
      ],
    ),
  );
  const no = dev.upload("bool", Uint8Array.of(0));
  const [once] = loop.run([no]);
  await once?.read(); // the program has control memory now
  const add = dev.load(addConstant(1, 1)),
    x = dev.upload("f32", f32(1));
  const [y] = add.run([x]); // waits for its shader, and everything else behind it
  assert.throws(() => {
    for (;;) dev.upload("f32", f32(0)).dispose();
  }, /E0708: 65536 calls are queued on webgpu/);
  loop.dispose(); // as the collector would
  assert.equal(await numbersOf(y), [2]);
  await dev.sync();
  assert.is(dev.timeline.buffers.count("control"), 0);
  assert.equal(await numbersOf(add.run([x])[0]), [2]);
  dev.destroy();
});
onDevice("no adapter and no device are said with the reason", async () => {
  const none: Gpu = { requestAdapter: () => Promise.resolve(null) };
  assert.match(String(await failure(open({ gpu: none }))), /E0703: the device "webgpu" is unavailable: there is no adapter/);
  const refuses = { features: new Set<string>(), limits: {}, requestDevice: () => Promise.reject(new Error("busy")) } as never;
  assert.match(String(await failure(open({ adapter: refuses }))), /E0703.*gives no device: busy/);
});
onDevice("an f64 is refused with a remedy, and a read without waiting too", async () => {
  const dev = await open();
  assert.throws(() => dev.upload("f64", Float64Array.of(1)), /E0705[\s\S]*convert to f32/);
  assert.throws(() => dev.upload("f32", f32(1)).readSync(), /E0706[\s\S]*await: x.data/);
  dev.destroy();
});
onDevice("the self test passes on this driver, and leaves nothing", async () => {
  const dev = await open();
  await dev.selfTest();
  assert.equal([dev.memory().arrays, dev.memory().live], [0, 0]);
  dev.destroy();
});
onDevice("a profile tells how often and how long each kernel ran", async () => {
  const dev = await open();
  const add = dev.load(addConstant(1 << 16, 1)),
    x = dev.upload("f32", new Float32Array(1 << 16));
  const profile = dev.profile();
  for (let i = 0; i < 3; i++) add.run([x]);
  const rows = await profile.finish();
  assert.equal(
    rows.map(r => [r.kernel, r.launches, r.timed]),
    [["add", 3, 3]],
  );
  assert.ok(rows.every(r => r.milliseconds > 0));
  dev.destroy();
});

test.run();
