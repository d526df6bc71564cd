// The whole conformance suite on a WebGPU device that is not Node's: in a page and in Deno the same module runs, over other samples than in Node.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ProgramStep } from "../../runtime/program.ts";
import type { WebGpuDevice } from "../../runtime/webgpu/device.ts";
import { kernel, program, ref } from "../runtime/webgpu/programs.ts";
import { watch } from "../runtime/webgpu/watch.ts";
import type { Part } from "./part.ts";
import { primitiveSuite, programSuite } from "./suite.ts";
import { leavesNothing } from "./webgpu_subject.ts";

/** Which samples: all of them, or one in `every`, beginning with `from`. */
export interface Choice extends Part {
  readonly every: number;
  readonly from: number;
}
/** Tests of primitives, programs and memory on `device`, watched for stray errors and buffers. */
export function conformance(device: WebGpuDevice, { all, every, from, share }: Choice): void {
  const { f16, subgroup } = device.features;
  console.log(`${device.name}: ${subgroup > 1 ? `subgroups of ${subgroup}` : "no subgroups"}, ${f16 ? "f16" : "no f16"}`);
  const subject = {
    device: watch(device),
    lacks: ["f64"],
    accuracy: "shader",
    atOnce: 8,
    share,
    ...(all ? {} : { sample: every, from }),
  } as const;
  primitiveSuite(subject);
  programSuite({ ...subject, runs: all ? 40 : 5 });
  test("a kernel of many parameters and one of few follow each other, in either order", async () => {
    const types = Array.from({ length: 10 }, () => "f32" as const);
    const wide = kernel("wide", 1, types, "if (i < 4u) { heap[at(9) + i] = heap[at(0) + i] + 1.0; }"),
      narrow = kernel("narrow", 1, ["f32", "f32"], "if (i < 4u) { heap[at(1) + i] = heap[at(0) + i] * 2.0; }");
    const launch = (k: number, count: number, from: number, to: number): ProgramStep<number> => ({
      kind: "launch",
      kernel: k,
      args: Array.from({ length: count }, (_, i) => ref(i === count - 1 ? to : from)),
    });
    const four = ["f32", 4] as const,
      exe = device.load(
        program(
          { inputs: [four], outputs: [four], arena: [four, four, four] },
          [wide, narrow],
          [launch(0, 10, 0, 2), launch(1, 2, 2, 3), launch(0, 10, 3, 4), launch(1, 2, 4, 1)],
        ),
      );
    const x = device.upload("f32", Float32Array.of(1, 2, 3, 4)),
      [y] = exe.run([x]);
    assert.equal(await y?.read(), Float32Array.of(10, 14, 18, 22));
    for (const a of [x, y, exe]) a?.dispose();
  });
  leavesNothing(device);
}
