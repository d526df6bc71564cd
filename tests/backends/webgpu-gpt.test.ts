// The whole GPT against JAX on WebGPU (Dawn over SwiftShader), in f32.
import { setDefaultDevice } from "../../stdlib/index.ts";
import { gptGoldens } from "../laws/gpt.ts";
import { onDawn } from "./webgpu.ts";

await onDawn("swiftshader", ({ device }) => {
  setDefaultDevice(device);
  gptGoldens("f32", 2e-4, process.env["CONFORMANCE"] === "all" ? [false, true] : [true]);
});
