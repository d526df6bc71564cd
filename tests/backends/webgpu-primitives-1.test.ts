// Every third primitive on WebGPU (Dawn over SwiftShader) against the reference evaluator.
import { shareOf } from "./part.ts";
import { primitiveSuite } from "./suite.ts";
import { leavesNothing, onDawn } from "./webgpu.ts";

await onDawn("swiftshader", s => {
  primitiveSuite({ ...s, share: shareOf([0, 3], s.share) });
  leavesNothing(s.device);
});
