// E0703: a device is unavailable.
import { test } from "uvu";
import { device } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches("E0703", "a device that does not exist is refused", import.meta.url, () => device("abacus"), {
  fact: 'the device "abacus" is unavailable: this build has no abacus backend',
  at: "device(",
  help: 'use "wasm", "webgpu" or "cuda"',
});
test.run();
