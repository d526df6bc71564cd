// The Wasm device on a page's main thread: what it is, and its bits. The test outside knows how the page was served.
import { test } from "uvu";
import { defaultDevice, wasm } from "../../stdlib/index.ts";
import { give } from "./channel.ts";
import { digests } from "../support/bits.ts";

const device = defaultDevice();

test("the device is told", async () => {
  await give("page", { isolated: crossOriginIsolated, device: device.name, cores: navigator.hardwareConcurrency });
});
test("programs give bits, which the test outside compares", async () => {
  await give("default", await digests(device));
  await give("one", await digests(wasm({ threads: 1 })));
});
test.run();
