// Run by Deno, for webgpu.test.ts: the conformance suite on its WebGPU (wgpu and naga).
import { test } from "uvu";
import { WebGpuDevice } from "../../runtime/webgpu/device.ts";
import { partOf } from "../backends/part.ts";
import { conformance } from "../backends/webgpu_elsewhere.ts";

console.log(`Deno ${process.versions["deno"]}`);
conformance(await WebGpuDevice.open(), { ...partOf(name => process.env[name]), every: 24, from: 2 });
test.run();
