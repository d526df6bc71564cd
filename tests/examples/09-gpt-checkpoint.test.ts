// The GPT's training with a checkpoint, through the program itself: stopped and started again it has the losses of a run that was never stopped, on the CPU and on
// WebGPU; a lost device is replaced, and training goes on; a file that does not fit is refused before anything is trained.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Config } from "../../examples/09-gpt/config.ts";
import type { Learner } from "../../examples/09-gpt/experiment.ts";
import { runProgram, type ExitCode } from "../../examples/09-gpt/program.ts";
import { createLearner } from "../../examples/09-gpt/train.ts";
import { DeviceLostError, setDefaultDevice, wasm, type Device } from "../../stdlib/index.ts";
import type { WebGpuDevice } from "../../runtime/webgpu/device.ts";
import { onDevice, open } from "../runtime/webgpu/device.ts";

const folder = mkdtempSync(join(tmpdir(), "checkpoint-"));
test.after(() => rmSync(folder, { recursive: true }));
const small = "--steps 40 --layers 1 --dim 8 --heads 2 --context 8 --batch 2 --methods adamw --sample-length 4 --checkpoint-every 3".split(
  " ",
);

interface Outcome {
  readonly code: ExitCode;
  readonly losses: readonly number[];
  readonly stdout: string;
  readonly stderr: string;
}
/** Runs the program; `watch` is told of every step, with a way to interrupt. */
async function run(
  device: () => Device | Promise<Device>,
  argv: readonly string[],
  watch: (step: number, stop: () => void) => void = () => {},
): Promise<Outcome> {
  const [stdout, stderr, controller] = [new PassThrough(), new PassThrough(), new AbortController()];
  const losses: number[] = [];
  const learner = async (config: Config, vocabulary: number): Promise<Learner> => {
    setDefaultDevice(await device());
    const inner = createLearner(config, vocabulary);
    return {
      ...inner,
      start(method, saved) {
        const trainee = inner.start(method, saved);
        return {
          ...trainee,
          evaluate: async () => 1, // its program takes a software driver long to compile
          async step(batch, step) {
            const loss = await trainee.step(batch, step);
            losses[step - 1] = loss;
            watch(step, () => controller.abort());
            return loss;
          },
        };
      },
    };
  };
  const out = join(folder, "report.html");
  const code = await runProgram({
    argv: [...small, "--out", out, ...argv],
    stdout,
    stderr,
    signal: controller.signal,
    createLearner: learner,
  });
  return { code, losses, stdout: String(stdout.read() ?? ""), stderr: String(stderr.read() ?? "") };
}
const stopAt =
  (at: number) =>
  (step: number, stop: () => void): void => {
    if (step === at) stop();
  };

test("on the CPU: stopped after 5 steps and started again, the losses are those of one run, to the bit", async () => {
  const file = join(folder, "cpu.st"),
    cpu = wasm({ threads: 1 }),
    whole = await run(() => cpu, [], stopAt(12));
  const first = await run(() => cpu, ["--checkpoint", file], stopAt(5));
  assert.equal([first.code, existsSync(file)], [130, true]);
  const second = await run(() => cpu, ["--checkpoint", file], stopAt(12));
  assert.match(second.stdout, /AdamW goes on after step 5/);
  assert.equal([...first.losses, ...second.losses.slice(5)], whole.losses);
});
onDevice("on WebGPU: the same, and a device lost on the way is told of and replaced, with the same losses", async () => {
  const file = join(folder, "gpu.st"),
    devices = [await open()]; // one for all runs: a software driver takes long to compile
  const current = (): WebGpuDevice => devices.at(-1) as WebGpuDevice; // there is one
  const whole = await run(current, [], stopAt(12));
  const first = await run(current, ["--checkpoint", file], stopAt(5));
  const next = async (): Promise<Device> => {
    if (current().lost) devices.push(await open());
    return current();
  };
  const second = await run(next, ["--checkpoint", file], (step, stop) => {
    if (step === 8 && devices.length === 1) current().timeline.gpu.destroy();
    if (step === 12) stop();
  });
  assert.is(devices.length, 2);
  assert.match(
    second.stdout,
    /AdamW goes on after step 5[^]*E0704: the device [^]*was lost[^]*a new device goes on from \S*gpu\.st\n\nAdamW goes on after step 6/,
  );
  assert.equal([...first.losses, ...second.losses.slice(5)], whole.losses);
  for (const d of devices) d.destroy();
});
test("without a checkpoint, a lost device ends the program with its error", async () => {
  const lose = (step: number): void => {
    if (step === 2) throw new DeviceLostError("here", "the driver has gone");
  };
  const { code, stderr } = await run(() => wasm({ threads: 1 }), [], lose);
  assert.is(code, 1);
  assert.match(stderr, /E0704[^]*go on from the last checkpoint/);
});
test("a device that is lost again before the next checkpoint ends the program too", async () => {
  const lose = (step: number): void => {
    if (step === 5) throw new DeviceLostError("here", "the driver has gone");
  };
  const { code, stdout } = await run(() => wasm({ threads: 1 }), ["--checkpoint", join(folder, "again.st")], lose);
  assert.is(code, 1);
  assert.is(stdout.match(/a new device goes on/g)?.length, 1);
});
test("a checkpoint of other flags, and a torn one, are refused with what is wrong", async () => {
  const file = join(folder, "other.st"),
    cpu = (): Device => wasm({ threads: 1 });
  await run(cpu, ["--checkpoint", file], stopAt(1));
  const other = await run(cpu, ["--checkpoint", file, "--lr", "0.5"]);
  assert.is(other.code, 2);
  assert.match(
    other.stderr,
    /^--checkpoint: it belongs to a run with lr 0.003, this one has 0.5; give the same flags as then, or another file\n$/,
  );
  writeFileSync(file, "torn");
  const torn = await run(cpu, ["--checkpoint", file]);
  assert.is(torn.code, 1);
  assert.match(torn.stderr, /^E0901/);
  assert.is(torn.losses.length, 0);
});

test.run();
