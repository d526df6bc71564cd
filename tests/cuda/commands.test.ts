// What `npm run test:cuda` and `npm run bench:cuda` do on a machine without a card: they say that the device is unavailable, and why, and fail.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openDriver } from "../../runtime/cuda/ffi.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const driver = ((): boolean => {
  try {
    openDriver();
    return true;
  } catch {
    return false;
  }
})();
for (const [command, file] of [
  ["test:cuda", "tests/cuda/on_card.ts"],
  ["bench:cuda", "bench/cuda/main.ts"],
] as const)
  (driver ? test.skip : test)(`${command} says why there is no card, and fails`, () => {
    const { status, stderr } = spawnSync(process.execPath, ["--import", "tsx", "--conditions=source", file], {
      cwd: root,
      encoding: "utf8",
    });
    assert.match(stderr, /E0703: the device "cuda" is unavailable: (libcuda\.so\.1|nvcuda\.dll) cannot be opened/);
    assert.is(status, 1);
  });

test.run();
