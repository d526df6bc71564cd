import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Learner } from "../../examples/09-gpt/experiment.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { runProgram, type ExitCode } from "../../examples/09-gpt/program.ts";

const folder = mkdtempSync(join(tmpdir(), "report-"));
const out = join(folder, "new", "report.html");
test.after(() => rmSync(folder, { recursive: true }));

/** A learner whose loss is 1/step and which repeats its prompt. */
const learner = (onStep: (step: number) => void): Learner => ({
  parameters: 4321,
  start: () => ({
    step: async (_, step) => {
      onStep(step);
      return 1 / step;
    },
    evaluate: async () => 0.5,
    sharpness: async () => ({ lambdaMax: 2, logitShare: 0.5, functionalShare: 0.5 }),
    sample: async prompt => prompt,
    save: async () => new Uint8Array(),
    dispose: () => {},
  }),
});

async function run(
  argv: readonly string[],
  onStep: (step: number, abort: () => void) => void = () => {},
): Promise<{ code: ExitCode; stdout: string; stderr: string }> {
  const [stdout, stderr, controller] = [new PassThrough(), new PassThrough(), new AbortController()];
  const createLearner = (): Learner => learner(step => onStep(step, () => controller.abort()));
  const code = await runProgram({ argv, stdout, stderr, signal: controller.signal, createLearner });
  return { code, stdout: String(stdout.read() ?? ""), stderr: String(stderr.read() ?? "") };
}

test("a whole run tells the corpus, the model, the progress, the samples and the table, and writes the report", async () => {
  const { code, stdout, stderr } = await run(["--steps", "4", "--methods", "adamw,sam", "--out", out, "--sample", "We the "]);
  assert.is(code, 0);
  assert.is(stderr, "");
  for (const part of [
    "8,274,221 characters to train on",
    "4,321 parameters",
    "SAM  : step 4/4, loss 0.2500",
    "SAM writes: We the We the",
    "│ SAM    │",
    `report: ${out}`,
  ]) {
    assert.ok(stdout.includes(part), part);
  }
  assert.match(readFileSync(out, "utf8"), /^<!doctype html>[^]*<\/html>\n$/);
});

test("a device that is unavailable is told with the reason, and nothing else is used instead", async () => {
  const stderr = new PassThrough();
  const createLearner = (): Promise<Learner> => Promise.reject(new PullbackError("E0703", "no card", { help: "use wasm" }));
  const code = await runProgram({
    argv: ["--out", out],
    stdout: new PassThrough(),
    stderr,
    signal: new AbortController().signal,
    createLearner,
  });
  assert.is(code, 1);
  assert.match(String(stderr.read()), /^E0703: no card[^]*help: use wasm\n$/);
});

test("an interrupted run exits with 130 after its table and report", async () => {
  const { code, stdout } = await run(["--steps", "50", "--out", out], (step, abort) => {
    if (step === 7) abort();
  });
  assert.is(code, 130);
  assert.match(stdout, /│ AdamW +│ +7 │[^]*interrupted: the table and the report show what was done until then\nreport: /);
  assert.match(readFileSync(out, "utf8"), /This run was interrupted/);
});

test("a wrong flag exits with 2, says so on stderr alone, and writes nothing", async () => {
  const untouched = join(folder, "untouched.html");
  assert.equal(await run(["--out", untouched, "--steps", "none"]), {
    code: 2,
    stdout: "",
    stderr: "--steps none: must be a whole number from 1 to 1000000\n",
  });
  assert.not(existsSync(untouched));
});

test("--help exits with 0", async () => {
  const { code, stdout } = await run(["--help"]);
  assert.is(code, 0);
  assert.match(stdout, /^Trains a small GPT/);
});

test("a report that has no place is found before the training", async () => {
  let steps = 0;
  assert.equal(await run(["--out", folder], () => steps++), {
    code: 2,
    stdout: "",
    stderr: `--out ${folder}: is a folder; give the name of a file\n`,
  });
  const under = await run(["--out", join(out, "under-a-file.html")], () => steps++);
  assert.is(under.code, 1);
  assert.match(under.stderr, /ENOTDIR|EEXIST/);
  assert.is(steps, 0);
});

test("a prompt with characters that the training text lacks is told", async () => {
  const { stdout } = await run(["--steps", "1", "--methods", "sam", "--out", out, "--sample", "a€b€"]);
  assert.match(stdout, /note: the training text has no "€"; the prompt is read with a replacement symbol there/);
});

test.run();
