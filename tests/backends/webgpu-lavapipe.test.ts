// Another driver, with wider subgroups: primitives and programs on WebGPU (Dawn over Mesa's lavapipe) against the reference evaluator. Other samples than over SwiftShader.
import { primitiveSuite, programSuite } from "./suite.ts";
import { leavesNothing, onDawn } from "./webgpu.ts";

await onDawn("lavapipe", s => {
  primitiveSuite({ ...s, ...(s.sample === undefined ? {} : { sample: 3 * s.sample }) });
  programSuite({ ...s, runs: 10 });
  leavesNothing(s.device);
});
