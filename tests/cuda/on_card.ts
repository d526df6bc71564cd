// npm run test:cuda: the whole conformance suite and a GPT on a real card. Without one it says why and fails: it is not a test that may be skipped.
// With --sanitizer everything runs again under NVIDIA's compute-sanitizer, which must be on the PATH.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DeviceLostError } from "../../runtime/errors/lost.ts";
import { OutOfMemoryError } from "../../runtime/errors/memory.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { add, array, cuda, jit, matmul, setDefaultDevice, softmax, sum, wasm, type Tensor } from "../../stdlib/index.ts";
import { primitiveSuite, programSuite } from "../backends/suite.ts";
import { methodNames, sameRun, train } from "./gpt.ts";

if (process.argv.includes("--sanitizer")) {
  const ran = spawnSync(
    "compute-sanitizer",
    ["--error-exitcode", "9", process.execPath, ...process.execArgv, fileURLToPath(import.meta.url)],
    { stdio: "inherit" },
  );
  if (ran.error) console.error(`compute-sanitizer cannot be started: ${ran.error.message}`);
  process.exit(ran.status ?? 1);
}

const opened = ((): ReturnType<typeof cuda> => {
  try {
    return cuda();
  } catch (e) {
    if (!(e instanceof PullbackError)) throw e;
    console.error(e.message);
    return process.exit(1);
  }
})();
console.log(`on ${opened.name}`);
primitiveSuite({ device: opened });
programSuite({ device: opened, runs: 1000 });

for (const method of methodNames)
  test(`${method} trains a GPT as on the Wasm device`, async () =>
    sameRun(await train(opened, method), await train(wasm({ threads: 1 }), method)));
test("replayed graphs give the bits of direct launches", () => {
  const bits = (graphs: boolean): number[] => {
    const device = cuda({ graphs });
    setDefaultDevice(device);
    const f = jit((x: Tensor) => add(softmax(matmul(x, x)), sum(x)));
    let x: Tensor = array(
      Array.from({ length: 4096 }, (_, i) => Math.sin(i)),
      { shape: [64, 64] },
    );
    for (let i = 0; i < 10; i++) x = f(x);
    const out = Array.from(x.dataSync());
    device.dispose();
    return out;
  };
  assert.equal(bits(true), bits(false));
});
test("more memory than the card has is refused with its numbers, and the next small request works", () => {
  assert.throws(
    () => opened.create("u8", 2 ** 42),
    (e: unknown) => e instanceof OutOfMemoryError,
  );
  const a = opened.upload("f32", Float32Array.of(1, 2));
  assert.equal([...a.readSync()], [1, 2]);
  a.dispose();
});
test("a kernel that writes where nothing is loses the device, with its name and the driver's word for it", () => {
  // last: primary contexts are shared in a process, so this ends every device on the card
  const exe = opened.load({
    kind: "ptx",
    text: ".version 6.3\n.target sm_75\n.address_size 64\n.visible .entry wild()\n{\n.reg .b64 %rd<1>;\nmov.u64 %rd0, 64;\nst.global.u32 [%rd0], 0;\nret;\n}\n",
    kernels: [{ entry: "wild", groups: 1, threads: 1, sharedBytes: 0, params: [] }],
    inputs: [],
    outputs: [],
    arenaBytes: 0,
    slots: [],
    steps: [{ kind: "launch", kernel: 0, args: [] }],
  });
  assert.throws(
    () => {
      exe.run([]);
      opened.upload("f32", Float32Array.of(1)).readSync();
    },
    (e: unknown) => e instanceof DeviceLostError && e.message.includes("CUDA_ERROR_ILLEGAL_ADDRESS"),
  );
  opened.dispose();
});

test.run();
