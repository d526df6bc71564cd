// The runner's parts on real processes: every way a test file can go wrong is counted, nothing is left running, and the plan is right.
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { pool, runNode, type Finished } from "./process.ts";
import { plan, steps } from "./steps.ts";
import { none, outcome, plus, reasons, sentence, type Outcome } from "./totals.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const runFixture = (kind: string, timeout = 60): Promise<Finished> =>
  runNode({ argv: ["--import", "tsx", "tests/runner/fixture.ts", kind], cwd: root, timeout });

const expected: Readonly<Record<string, Outcome>> = {
  pass: { passed: 2, failed: 0, skipped: 0 },
  fail: { passed: 1, failed: 1, skipped: 0 },
  skip: { passed: 1, failed: 0, skipped: 1 },
  lacking: { passed: 2, failed: 0, skipped: 1 },
  only: { passed: 1, failed: 0, skipped: 1 },
  suites: { passed: 1, failed: 1, skipped: 0 },
  before: { passed: 0, failed: 1, skipped: 0 },
  after: { passed: 0, failed: 1, skipped: 0, trouble: "crashed with exit code 1" },
  crash: { passed: 0, failed: 1, skipped: 0, trouble: "crashed with exit code 1" },
  exit: { passed: 1, failed: 1, skipped: 0, trouble: "passed its tests, but exited with code 3" },
  forgotten: { passed: 0, failed: 1, skipped: 0, trouble: "ran no test: does it end with test.run()?" },
  empty: { passed: 0, failed: 1, skipped: 0, trouble: "has no test in it" },
  abort: { passed: 0, failed: 1, skipped: 0, trouble: "was ended by SIGTERM" },
  orphan: { passed: 1, failed: 0, skipped: 0 },
};

test("every way a file can end is counted", async () => {
  await pool(Object.keys(expected), 2, async kind => {
    const { stdout, ending } = await runFixture(kind);
    assert.equal(outcome(stdout, ending), expected[kind], kind);
  });
});
test("a file that does not end is stopped and counted as failed", async () => {
  const { stdout, ending, seconds } = await runFixture("hang", 2);
  assert.equal(outcome(stdout, ending), { passed: 0, failed: 1, skipped: 0, trouble: "did not end within 2 s" });
  assert.ok(seconds < 10, `took ${seconds} s`);
});
test("the output of a failure is kept whole, errors included", async () => {
  const { output, stdout } = await runFixture("crash");
  assert.match(output, "boom");
  assert.not.match(stdout, "boom");
});
test("a test without what it needs is skipped, and its reason is repeated", async () => {
  const { stdout } = await runFixture("lacking");
  assert.equal(reasons(stdout), ["skipped: b: there is no moon"]);
});
test("a file that prints two summaries is refused", () => {
  const once = "\n  Total:     1\n  Passed:    1\n  Skipped:   0\n";
  assert.is(outcome(once + once, { kind: "exit", code: 0 }).trouble, "printed 2 summaries: call every suite's run() in the same turn");
});
test("the pool starts in order and never runs more than its workers", async () => {
  const started: number[] = [];
  let now = 0,
    most = 0;
  await pool([0, 1, 2, 3, 4], 2, async item => {
    started.push(item);
    most = Math.max(most, ++now);
    await new Promise(resolve => {
      setTimeout(resolve, 5);
    });
    now--;
  });
  assert.equal(started, [0, 1, 2, 3, 4]);
  assert.is(most, 2);
});
test("totals add up, and the sentence names skipped tests only when there are any", () => {
  assert.is(sentence(plus({ passed: 1, failed: 2, skipped: 0 }, { passed: 3, failed: 0, skipped: 0 })), "4 passed, 2 failed");
  assert.is(sentence(plus(none, { passed: 0, failed: 0, skipped: 3 })), "0 passed, 0 failed, 3 skipped");
});

const files = [
  "tests/architecture.test.ts",
  "tests/architecture/rules.test.ts",
  "tests/backends/wasm.test.ts",
  "tests/compiler/ir/print.test.ts",
  "tests/examples/01.test.ts",
  "tests/laws/grad.test.ts",
  "tests/primitives.test.ts",
  "tests/stdlib/optim/adam.test.ts",
];
const namesAndFiles = (only: readonly string[], filters: readonly string[]): unknown => {
  const result = plan(files, { only, filters });
  return result.kind === "plan" ? result.steps.map(({ step, files: own }) => [step.name, own]) : result.message;
};

test("a whole run has every step, and every file in exactly one", () => {
  assert.equal(namesAndFiles([], []), [
    ["types", []],
    ["lint", []],
    ["architecture", ["tests/architecture.test.ts", "tests/architecture/rules.test.ts"]],
    ["unit", ["tests/compiler/ir/print.test.ts", "tests/stdlib/optim/adam.test.ts"]],
    ["laws", ["tests/laws/grad.test.ts", "tests/primitives.test.ts"]],
    ["backends", ["tests/backends/wasm.test.ts"]],
    ["examples", ["tests/examples/01.test.ts"]],
  ]);
});
test("a filter keeps the files whose path contains it, and their steps", () => {
  assert.equal(namesAndFiles([], ["optim"]), [["unit", ["tests/stdlib/optim/adam.test.ts"]]]);
  assert.equal(namesAndFiles([], ["grad", "wasm"]), [
    ["laws", ["tests/laws/grad.test.ts"]],
    ["backends", ["tests/backends/wasm.test.ts"]],
  ]);
});
test("chosen steps keep their order, and a step without files is kept, to fail", () => {
  assert.equal(namesAndFiles(["lint", "types"], []), [
    ["types", []],
    ["lint", []],
  ]);
  const empty = plan([], { only: ["unit"], filters: [] });
  assert.equal(empty, { kind: "plan", steps: [{ step: steps.find(({ name }) => name === "unit"), files: [] }] });
});
test("a selection that means nothing is refused in words", () => {
  assert.is(namesAndFiles(["unti"], []), `there is no step "unti"; there are: ${steps.map(({ name }) => name).join(", ")}`);
  assert.is(namesAndFiles([], ["nowhere"]), `no test file's path contains "nowhere"`);
  assert.is(namesAndFiles(["laws"], ["optim"]), "no file that the filter matches belongs to laws");
});

test.run();
