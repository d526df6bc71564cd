// `pullback/compiled`: what modules that were compiled ahead of time import, and what their users may. No tracer, no compiler: everything here ends up in the bundle.
export type { CompiledFunction } from "./format.ts";
export { openDevice, type Backend, type LaunchDevice, type Opener } from "./device.ts";
export { LaunchError } from "./error.ts";
export { launch } from "./launch.ts";
export type { ArrayOf } from "./storage.ts";
export { DeviceTensor, type Given } from "./tensor.ts";
export { wasm } from "./wasm.ts";
export { webgpu } from "./webgpu.ts";
