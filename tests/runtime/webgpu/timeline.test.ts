// The order of things on the device, over a driver that says yes to everything: what is done leaves nothing behind on the host.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { GpuDevice } from "../../../runtime/webgpu/api.ts";
import { Faults } from "../../../runtime/webgpu/faults.ts";
import { Timeline } from "../../../runtime/webgpu/timeline.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void; // the flag defines it

const agreeable = {
  lost: new Promise(() => {}),
  pushErrorScope: () => {},
  popErrorScope: () => Promise.resolve(null),
  queue: { submit: () => {}, onSubmittedWorkDone: () => Promise.resolve() },
} as unknown as GpuDevice; // the part of it that commands without buffers meet

test("commands that were confirmed are forgotten: the host's heap does not grow with their number", async () => {
  const timeline = new Timeline(agreeable, "test", 8, new Faults());
  const commands = async (n: number): Promise<number> => {
    for (let i = 0; i < n; i++) {
      timeline.enqueue({ execute: seq => timeline.attempt(seq, () => timeline.submit([])) });
      if (i % 8 === 7) await timeline.done();
    }
    await timeline.drain();
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = await commands(4_000),
    after = await commands(40_000);
  assert.ok(after - before < 400_000, `${after - before} bytes after 40,000 commands`);
});

test.run();
