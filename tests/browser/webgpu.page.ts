// The conformance suite on the browser's WebGPU.
import { test } from "uvu";
import { WebGpuDevice } from "../../runtime/webgpu/device.ts";
import { partOf } from "../backends/part.ts";
import { conformance } from "../backends/webgpu_elsewhere.ts";

const options = new URLSearchParams(location.search);
conformance(await WebGpuDevice.open(), { ...partOf(name => options.get(name)), every: 12, from: 4 });
test.run();
