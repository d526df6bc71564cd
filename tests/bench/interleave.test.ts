import { test } from "uvu";
import * as assert from "uvu/assert";
import { measure, type Limits } from "../../bench/harness/interleave.ts";
import { gemm } from "../../bench/work.ts";
import { fake } from "./fake.ts";

const limits: Limits = { rounds: 3, cell: 1000, warm: 0, sample: 1 };
const task = { work: gemm(2), fresh: false };

test("samples are taken turn about, forwards and then backwards", async () => {
  const log: string[] = [];
  await measure(task, [fake({ id: "a", ms: () => 10 }, log), fake({ id: "b", ms: () => 20 }, log)], limits);
  assert.equal(log, [
    "a:prepare",
    "a:sample",
    "b:prepare",
    "b:sample",
    "a:sample",
    "b:sample",
    "b:sample",
    "a:sample",
    "a:sample",
    "b:sample",
    "a:release",
    "b:release",
  ]);
});

test("a cell is the median of its samples, without the warm-up", async () => {
  const times = [500, 3, 1, 2];
  const [cell] = await measure(task, [fake({ id: "a", ms: n => times[n] ?? NaN, check: 7 }, [])], { ...limits, cell: 1500 });
  assert.equal(cell, { kind: "measured", median: 2, low: 1.5, high: 2.5, samples: 3, check: 7, kernels: undefined });
});

test("fast work is repeated until a sample is long enough, slow work is sampled once", async () => {
  const asked: number[] = [];
  const spy = (id: string, ms: number): ReturnType<typeof fake> => {
    const inner = fake({ id, ms: () => ms }, []);
    return {
      ...inner,
      ask: async request => {
        if (request.kind === "sample" && id === "fast") asked.push(request.times);
        return inner.ask(request);
      },
    };
  };
  const [, slow] = await measure(task, [spy("fast", 0.5), spy("slow", 900)], { ...limits, sample: 10 });
  assert.equal(asked, [1, 20, 20, 20]);
  assert.is(slow?.kind === "measured" && slow.samples, 1);
});

test("a column that crashes drops out of the row, is started afresh, and costs the others nothing", async () => {
  const log: string[] = [];
  const cells = await measure(task, [fake({ id: "a", ms: () => 1, crashAt: 2 }, log), fake({ id: "b", ms: () => 1 }, log)], limits);
  assert.equal(cells[0], { kind: "failed", reason: "it crashed (SIGSEGV)" });
  assert.is(cells[1]?.kind === "measured" && cells[1].samples, 3);
  assert.is(log.filter(line => line === "a:sample").length, 3);
  assert.ok(log.includes("a:restart"));
  assert.not.ok(log.includes("a:release"));
});

test("what a column cannot do or gets wrong is said with its reason", async () => {
  const cells = await measure(
    task,
    [
      fake({ id: "a", ms: () => 1, prepare: { kind: "unsupported", reason: "no such kernel" } }, []),
      fake({ id: "b", ms: () => 1, prepare: { kind: "failed", reason: "RangeError: x" } }, []),
      fake({ id: "c", ms: () => 1, prepare: { kind: "released" } }, []),
    ],
    limits,
  );
  assert.equal(cells, [
    { kind: "unsupported", reason: "no such kernel" },
    { kind: "failed", reason: "RangeError: x" },
    { kind: "failed", reason: 'answered "released" instead of "prepared"' },
  ]);
});

test("a fresh row meets a new process for every sample and is not warmed", async () => {
  const log: string[] = [];
  const [cell] = await measure({ ...task, fresh: true }, [fake({ id: "a", ms: n => [30, 10, 20][n] ?? NaN }, log)], limits);
  assert.equal(log.slice(0, 6), ["a:restart", "a:prepare", "a:sample", "a:restart", "a:prepare", "a:sample"]);
  assert.is(cell?.kind === "measured" && cell.median, 20);
});

test.run();
