// Products as they are cut for cards, on a driver that computes on the CPU: every way gives the first one's bits, and a device that tunes measures them, remembers, and goes on with the best.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../compiler/compile.ts";
import type { Choice } from "../../compiler/lower/tile/product/choice.ts";
import { tuned } from "../../compiler/tune.ts";
import type { DeviceArray } from "../../runtime/device.ts";
import type { WebGpuDevice } from "../../runtime/webgpu/device.ts";
import { fromHost, jit, matmul, setDefaultDevice, wasm, type Tensor } from "../../stdlib/index.ts";
import { numbers } from "../compiler/transforms/numeric.ts";
import { f32, program } from "../compiler/lower/harness.ts";
import { onDevice, open } from "../runtime/webgpu/device.ts";

const folder = mkdtempSync(join(tmpdir(), "pullback-tuned-")),
  cache = join(folder, "tuning.json"),
  [m, k, n] = [20, 16, 24],
  lhs = Float32Array.from(numbers(m * k, 1, -1, 1)),
  rhs = Float32Array.from(numbers(k * n, 2, -1, 1));
let opened: Promise<WebGpuDevice> | undefined;
/** One device for all tests, so that each shader is compiled once. */
const tuning = (): Promise<WebGpuDevice> => (opened ??= open({ software: false, tune: { cache } }));
test.after(async () => {
  setDefaultDevice(wasm());
  (await opened)?.destroy();
  rmSync(folder, { recursive: true });
});

onDevice("every way to cut a product gives the same bits", async () => {
  const device = await tuning(),
    f = program((a, b) => matmul(a, b), f32(m, k), f32(k, n)),
    inputs: DeviceArray[] = [lhs, rhs].map(x => device.upload("f32", x));
  let choice: Choice | undefined;
  const bits = async (name: string | undefined): Promise<Uint32Array> => {
    const exe = device.load(compile(f, device.target, { choose: c => ((choice = c), name) })),
      [out] = exe.run(inputs),
      data = (await out?.read()) as Float32Array; // an f32 result
    out?.dispose();
    exe.dispose();
    return new Uint32Array(data.buffer, data.byteOffset, data.length);
  };
  const first = await bits(undefined);
  assert.is(first.length, m * n);
  const names = choice?.names ?? [];
  assert.ok(names.length > 5);
  for (const name of names.slice(1)) assert.equal(await bits(name), first, name);
  inputs.forEach(a => a.dispose());
});
onDevice("a device that tunes measures a product once, keeps the answer in a file, and gives the same bits before and after", async () => {
  const device = await tuning();
  setDefaultDevice(device);
  const results = async (): Promise<Float32Array> => {
    const f = jit((a: Tensor, b: Tensor) => matmul(a, b)),
      [x, y] = [fromHost("f32", [m, k], lhs), fromHost("f32", [k, n], rhs)] as const;
    const read = async (): Promise<Float32Array> => {
      const out = f(x, y),
        data = (await out.data()) as Float32Array; // an f32 result
      out.dispose();
      return data;
    };
    const before = await read();
    await tuned(device);
    assert.equal(await read(), before);
    x.dispose();
    y.dispose();
    return before;
  };
  const first = await results();
  assert.ok(existsSync(cache));
  const written = readFileSync(cache, "utf8"),
    { devices } = JSON.parse(written) as { readonly devices: Readonly<Record<string, Readonly<Record<string, string>>>> }, // what choices.ts writes
    [[identity, answers] = ["", {}]] = Object.entries(devices),
    questions = Object.keys(answers);
  assert.match(identity, /^webgpu ./);
  assert.is(questions.length, 1);
  assert.match(questions[0] ?? "", /^1x20x24x16 f32 of f32, /);
  assert.equal(await results(), first);
  assert.is(readFileSync(cache, "utf8"), written, "nothing was measured again");
  assert.is(device.memory().arrays, 0);
});

test.run();
