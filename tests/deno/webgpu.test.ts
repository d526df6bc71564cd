// WebGPU in Deno (wgpu and naga over Mesa's lavapipe): another implementation of the interface and another compiler of WGSL run the conformance suite, over other samples
// than Node and the browser; all of them with CONFORMANCE=all.
import { test } from "uvu";
import { debianVersion, deno, lavapipe } from "../support/drivers.ts";
import { partOf } from "../backends/part.ts";
import { denoTests } from "./harness.ts";

const { all } = partOf(name => process.env[name]);

await denoTests("tests/deno/webgpu.deno.ts", "Deno over lavapipe", [deno(), lavapipe()], ([, driver = ""]) => ({
  seconds: all ? 14_400 : 240,
  follow: all,
  env: { VK_ICD_FILENAMES: driver },
}));
console.log(`mesa-vulkan-drivers ${debianVersion("mesa-vulkan-drivers") ?? "not of Debian"}`);
test.run();
