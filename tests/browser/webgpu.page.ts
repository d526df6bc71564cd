// The conformance suite on the browser's WebGPU.
import { test } from "uvu";
import { WebGpuDevice } from "../../runtime/webgpu/device.ts";
import { conformance } from "../backends/webgpu_elsewhere.ts";

const options = new URLSearchParams(location.search);
conformance(await WebGpuDevice.open(), { all: options.has("all"), every: 12, from: 4 });
test.run();
