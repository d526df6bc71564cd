// The Wasm device in a worker of a page, where the thread may wait: what worker.ts finds there.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { give } from "./channel.ts";

interface Report {
  readonly names: readonly string[];
  readonly read: readonly number[];
  readonly digests: readonly unknown[];
}

test("a worker reads with dataSync, on the calling thread's device and on a queued one", async () => {
  const worker = new Worker(new URL("worker.ts", import.meta.url), { type: "module" });
  const report = await new Promise<Report>((resolve, reject) => {
    worker.addEventListener("message", (e: MessageEvent<Report>) => resolve(e.data));
    worker.addEventListener("error", e => reject(new Error(e.message)));
  });
  worker.terminate();
  await give("report", report);
  assert.equal(report.read, [2, 4, 6, 2, 4, 6]);
});

test.run();
