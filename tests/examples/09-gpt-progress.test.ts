import { PassThrough } from "node:stream";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { formatCount, formatTime, startProgress, type Progress } from "../../examples/09-gpt/progress.ts";

/** A display on a stream that records; time passes only by `wait`. */
function display(total: number, terminal = false): { progress: Progress; wait(ms: number): void; written(): string } {
  const stream = Object.assign(new PassThrough(), terminal ? { isTTY: true, columns: 120 } : {});
  let time = 1000;
  return {
    progress: startProgress({ stream, label: "SAM", total, tokensPerStep: 512, now: () => time }),
    wait: ms => {
      time += ms;
    },
    written: () => String(stream.read() ?? ""),
  };
}

test("away from a terminal ten plain lines tell step, loss, speed and time left", () => {
  const { progress, wait, written } = display(40);
  for (let step = 1; step <= 40; step++) {
    wait(step === 1 ? 5000 : 100);
    progress.update(step, 4 - step / 20);
  }
  progress.stop();
  const lines = written().trimEnd().split("\n");
  assert.is(lines.length, 10);
  assert.is(lines[0], "SAM: step 4/40, loss 3.8000, 5.1k tokens/s, ETA 4s");
  assert.is(lines[9], "SAM: step 40/40, loss 2.0000, 5.1k tokens/s, ETA 0s");
});

test("the speed leaves out the first step, which compiles, as soon as there is a second", () => {
  const { progress, wait, written } = display(2);
  wait(2000);
  progress.update(1, 1);
  wait(100);
  progress.update(2, 1);
  assert.is(written(), "SAM: step 1/2, loss 1.0000, 256 tokens/s, ETA 2s\nSAM: step 2/2, loss 1.0000, 5.1k tokens/s, ETA 0s\n");
});

test("the last step has its line even when ten does not divide the steps", () => {
  const { progress, wait, written } = display(23);
  for (let step = 1; step <= 23; step++) {
    wait(1);
    progress.update(step, 1);
  }
  assert.match(written(), /step 23\/23/);
});

test("on a terminal a bar is redrawn, and stopping gives the cursor back", () => {
  const { progress, wait, written } = display(2, true);
  wait(2000);
  progress.update(1, 4);
  wait(100);
  progress.update(2, 3.5);
  progress.stop();
  const text = written();
  assert.match(text, /SAM \[={24}\] 2\/2 {2}loss 3\.5000 {2}5\.1k tokens\/s {2}ETA 0s/);
  assert.ok(text.lastIndexOf("\u001b[?25h") > text.lastIndexOf("\u001b[?25l"), "the cursor is shown after it was hidden");
});

test("times and counts are short", () => {
  assert.equal([0, 59_400, 65_000, 3_725_000, -5].map(formatTime), ["0s", "59s", "1m05s", "1h02m", "0s"]);
  assert.equal([0, 950, 999.7, 12_345, 999_999, 1_200_000].map(formatCount), ["0", "950", "1.0k", "12.3k", "1.00M", "1.20M"]);
});

test.run();
