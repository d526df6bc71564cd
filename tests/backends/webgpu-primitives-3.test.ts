// Every third primitive on WebGPU (Dawn over SwiftShader) against the reference evaluator.
import { primitiveSuite } from "./suite.ts";
import { leavesNothing, onDawn } from "./webgpu.ts";

await onDawn("swiftshader", s => {
  primitiveSuite({ ...s, share: [2, 3] });
  leavesNothing(s.device);
});
