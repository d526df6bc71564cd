// Run by Deno, for webgpu.test.ts: the conformance suite on its WebGPU (wgpu and naga).
import { test } from "uvu";
import { WebGpuDevice } from "../../runtime/webgpu/device.ts";
import { conformance } from "../backends/webgpu_elsewhere.ts";

conformance(await WebGpuDevice.open(), { all: process.env["CONFORMANCE"] === "all", every: 24, from: 2 });
test.run();
