// Lowering of every primitive sample, run without any emitter, against the reference evaluator.
import { test } from "uvu";
import { sizeOf } from "../../../compiler/ir/aval.ts";
import { isFloat } from "../../../runtime/dtype.ts";
import { hostTensor } from "../../../compiler/reference/evaluate.ts";
import { primitiveSamples, type Sample } from "../../../compiler/primitives/samples.ts";
import { bind } from "../../../compiler/trace/bind.ts";
import { traceClosed } from "../../../compiler/trace/trace.ts";
import { numbers } from "../transforms/numeric.ts";
import { agrees } from "./harness.ts";

const byName = new Map<string, Sample[]>();
for (const s of primitiveSamples)
  if (s.avals.every(a => sizeOf(a.shape) <= 4000)) byName.set(s.prim.name, [...(byName.get(s.prim.name) ?? []), s]);
for (const [name, samples] of byName) {
  if (samples.every(s => s.prim.lower.kind === "collective")) continue; // removed by the vmap that binds the axis
  test(`${name} lowers to kernels that agree with the reference`, () => {
    samples.forEach((s, n) => {
      const args = s.avals.map((a, i) => {
        const unsigned = a.dtype === "u32" || a.dtype === "u8";
        const { low, high, integer } =
          s.domain?.[i] ??
          (isFloat(a.dtype)
            ? { low: -2, high: 2, integer: false }
            : a.dtype === "bool"
              ? { low: 0, high: 2, integer: true }
              : { low: unsigned ? 0 : -4, high: 5, integer: true });
        return hostTensor(
          a.dtype,
          a.shape,
          numbers(sizeOf(a.shape), n + 31 * i, low, high).map(x => (integer ? Math.floor(x) : x)),
        );
      });
      agrees(
        traceClosed((...xs) => bind(s.prim, xs, s.params), s.avals),
        args,
        `${name} ${JSON.stringify(s.params)} ${s.avals.map(a => `${a.dtype}[${a.shape}]`).join(" ")}`,
      );
    });
  });
}

test.run();
