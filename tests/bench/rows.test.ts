import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { childContender } from "../../bench/harness/child.ts";
import { fill } from "../../bench/peers/fill.ts";
import {
  call,
  chain,
  conv,
  gate,
  gemm,
  gptGradient,
  gptStep,
  layerNorm,
  mlpHvp,
  mlpStep,
  softmax,
  type Gpt,
  type Work,
} from "../../bench/work.ts";

const tiny: Gpt = { layers: 2, dim: 8, heads: 2, tokens: 5, batch: 2, vocabulary: 7 };
const works: readonly Work[] = [
  gemm(5),
  gate(9),
  softmax(3, 7),
  layerNorm(3, 7, false),
  layerNorm(3, 7, true),
  conv(2, 3, 5, 4, false),
  conv(2, 3, 5, 4, true),
  mlpStep(3, [5, 4, 2]),
  mlpHvp(3, [5, 4, 2]),
  gptStep(tiny, false),
  gptGradient(tiny, undefined),
  gptGradient(tiny, 0.05),
  call(3),
];
const column = (threads: string): ReturnType<typeof childContender> =>
  childContender(
    threads,
    { file: process.execPath, args: [...process.execArgv, fileURLToPath(new URL("../../bench/rows/main.ts", import.meta.url)), threads] },
    60_000,
  );

test("the pullback column does every kind of work, with the same bits on one thread and on two", async () => {
  const [one, two] = [column("1"), column("2")];
  try {
    for (const work of works) {
      const [a, b] = [await one.ask({ kind: "prepare", work }), await two.ask({ kind: "prepare", work })];
      assert.is(a.kind, "prepared", `${work.kind}: ${JSON.stringify(a)}`);
      assert.ok(a.kind === "prepared" && Number.isFinite(a.check), work.kind);
      assert.equal(b, a, work.kind);
      const sampled = await one.ask({ kind: "sample", times: 2 });
      assert.ok(sampled.kind === "sampled" && sampled.value > 0, work.kind);
      for (const child of [one, two]) assert.equal(await child.ask({ kind: "release" }), { kind: "released" });
    }
    for (const work of [gptStep(tiny, true), chain(16, 3)]) {
      assert.equal(await one.ask({ kind: "prepare", work }), { kind: "prepared" });
    }
  } finally {
    one.close();
    two.close();
  }
});

test("its checksums are those of the formulas", async () => {
  const child = column("1");
  const check = async (work: Work): Promise<number> => {
    const reply = await child.ask({ kind: "prepare", work });
    return reply.kind === "prepared" ? (reply.check ?? NaN) : NaN;
  };
  const inputs = (work: Work): number[][] => Object.values(work.inputs).map(spec => Array.from(fill(spec)));
  const near = (a: number, b: number): void => assert.ok(Math.abs(a - b) <= 1e-5 * Math.abs(b), `${a} is not ${b}`);
  try {
    const [a = [], b = []] = inputs(gemm(4));
    const product = Array.from({ length: 16 }, (_, at) =>
      [0, 1, 2, 3].reduce((s, k) => s + (a[Math.floor(at / 4) * 4 + k] ?? 0) * (b[k * 4 + (at % 4)] ?? 0), 0),
    );
    near(
      await check(gemm(4)),
      product.reduce((s, x) => s + x * x, 0),
    );
    const [x = []] = inputs(gate(8));
    near(
      await check(gate(8)),
      x.reduce((s, v) => s + (Math.tanh(1.3 * v + 0.2) / (1 + Math.exp(-v))) ** 2, 0),
    );
    const [row = []] = inputs(softmax(1, 6)),
      total = row.reduce((s, v) => s + Math.exp(v), 0);
    near(
      await check(softmax(1, 6)),
      row.reduce((s, v) => s + (Math.exp(v) / total) ** 2, 0),
    );
  } finally {
    child.close();
  }
});

test.run();
