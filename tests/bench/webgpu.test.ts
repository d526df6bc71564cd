// The bench's WebGPU column, on a driver that computes on the CPU: it does its rows' kinds of work with the answers of the CPU's column, in as few dispatches as promised.
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { test } from "uvu";
import { childContender } from "../../bench/harness/child.ts";
import { agree } from "../../bench/harness/statistics.ts";
import { parse } from "../../bench/options.ts";
import { adamwUpdate, attention, call, gemm, layerNorm, softmax, type Work } from "../../bench/work.ts";
import { swiftshader, useVulkan } from "../support/drivers.ts";
import { withDrivers } from "../support/skip.ts";

/** Work, and the most dispatches of one evaluation. */
const works: readonly (readonly [Work, number])[] = [
  [gemm(33), 1],
  [softmax(9, 70), 1],
  [layerNorm(9, 70, true), 3],
  [attention(1, 20, 2, 8, false), 1],
  [attention(1, 20, 2, 8, true), 3],
  [adamwUpdate(20, 6), 1],
  [call(400), 1],
];
const column = (where: string): ReturnType<typeof childContender> =>
  childContender(
    where,
    { file: process.execPath, args: [...process.execArgv, fileURLToPath(new URL("../../bench/rows/main.ts", import.meta.url)), where] },
    120_000,
  );

withDrivers([swiftshader()])("the WebGPU column has the CPU column's answers, in as few dispatches as promised", async driver => {
  useVulkan(driver); // columns inherit it
  const [cpu, gpu] = [column("1"), column("webgpu")];
  try {
    for (const [work, most] of works) {
      const [a, b] = [await cpu.ask({ kind: "prepare", work }), await gpu.ask({ kind: "prepare", work })];
      if (a.kind !== "prepared" || b.kind !== "prepared") throw new Error(`${work.kind}: ${JSON.stringify([a, b])}`);
      assert.ok(agree(a.check ?? NaN, b.check ?? NaN), `${work.kind}: ${b.check} is not ${a.check}`);
      assert.ok((b.kernels ?? NaN) <= most, `${work.kind}: ${b.kernels} dispatches`);
      const sampled = await gpu.ask({ kind: "sample", times: 2 });
      assert.ok(sampled.kind === "sampled" && sampled.value > 0, work.kind);
    }
  } finally {
    cpu.close();
    gpu.close();
  }
});

test("--device webgpu has rows and columns of its own", () => {
  const options = parse(["--device", "webgpu"]);
  assert.equal(options?.columns, ["pullback-webgpu", "jax-js-webgpu"]);
  assert.ok(options?.rows.some(r => r.id === "adamw"));
  assert.throws(() => parse(["--device", "webgpu", "--columns", "torch"]), /there is no column "torch"/);
  assert.is(parse(["--timeout", "900"])?.timeout, 900_000);
  assert.throws(() => parse(["--timeout", "soon"]), /--timeout soon: seconds/);
  assert.throws(() => parse(["--device", "tpu"]), /the devices are cpu and webgpu/);
});

test.run();
