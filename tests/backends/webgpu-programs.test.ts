// Programs of many operations on WebGPU (Dawn over SwiftShader) against the reference evaluator: random ones, loops, branches, derivatives.
import { programSuite } from "./suite.ts";
import { leavesNothing, onDawn } from "./webgpu.ts";

await onDawn("swiftshader", s => {
  programSuite({ ...s, runs: 20 });
  leavesNothing(s.device);
});
