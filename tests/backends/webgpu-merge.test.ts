// One body for many launches on WebGPU (Dawn over SwiftShader): a group finds its part's places in the parameters, and computes the bits that the part's own launch gives.
import { test } from "uvu";
import { adapterTarget } from "../../compiler/compile.ts";
import { emitWgsl } from "../../compiler/emit/wgsl/module.ts";
import { toStorage } from "../../compiler/host.ts";
import { inputsOf } from "../compiler/lower/harness.ts";
import { mergedIsUnmerged } from "./merged.ts";
import { leavesNothing, onDawn } from "./webgpu.ts";

await onDawn("swiftshader", ({ device }) => {
  test("merged launches give the bits that they give one by one", async () => {
    const { features } = device;
    await mergedIsUnmerged(adapterTarget(features), async (f, p) => {
      const args = inputsOf(f).map(x => device.upload(x.dtype, toStorage(x.dtype, x.data))),
        exe = device.load(emitWgsl(p)),
        outs = exe.run(args),
        results = await Promise.all(outs.map(x => x.read()));
      [...args, ...outs].forEach(x => x.dispose());
      exe.dispose();
      return results;
    });
  });
  leavesNothing(device);
});
