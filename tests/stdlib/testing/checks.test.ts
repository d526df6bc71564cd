// The public checks pass for right records and find wrong ones; and they hold for a sample of every primitive on the CPU device.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { array, mul, sin, sum, type Tensor } from "../../../stdlib/index.ts";
import { cos, definePrimitive, mul as mulOp, type Primitive } from "../../../compiler/extend.ts";
import { primitiveSamples } from "../../../compiler/primitives/samples.ts";
import { allPrimitives } from "../../../compiler/primitives/all.ts";
import { checkGrads, checkPrimitive } from "../../../stdlib/testing/index.ts";

const wrong = (factor: number) => definePrimitive<1>({ name: "test.sine", aval: ([x]) => x, lower: { kind: "map", scalar: (s, [x]) => s.unary("sin", x) }, jvp: [(dx, [x]) => mulOp(dx, factor === 1 ? cos(x) : x)] });
const general = (p: unknown): Primitive => p as Primitive; // a record of fixed arity seen as a general one
const sample = [{ avals: [{ dtype: "f64", shape: [3] }] }] as const;

test("checkGrads accepts a right gradient and refuses a wrong one with both numbers", () => {
  const x = array([0.3, -1, 2], { dtype: "f64" });
  checkGrads((t: Tensor) => sum(mul(sin(t), t)), [x]);
  assert.throws(() => checkGrads((t: Tensor) => wrong(2)(t), [x]), /E0802: checkGrads: forward mode, output 0\[0\] gives/);
  assert.throws(() => checkGrads((t: Tensor) => t, [array([1])]), /E0801/);
});
test("checkPrimitive accepts a right record and refuses a wrong derivative", () => {
  checkPrimitive(general(wrong(1).primitive), sample);
  assert.throws(() => checkPrimitive(general(wrong(2).primitive), sample), /E0802/);
});
test("every primitive prints, parses, batches and runs on the CPU device as the reference says", () => {
  const failures: string[] = [];
  let checked = 0;
  for (const prim of allPrimitives) for (const s of primitiveSamples.filter(x => x.prim === prim)) {
    const d = s.domain ?? [], low = Math.max(...d.map(x => x?.low ?? -2)), high = Math.min(...d.map(x => x?.high ?? 2));
    if (d.length > 0 && !(low < high)) continue; // operands of different domains are covered by tests/compiler/primitives
    checked++;
    try { checkPrimitive(prim, [{ avals: s.avals, params: s.params, ...(d.length > 0 ? { low, high } : {}), rtol: 2e-5 }]); } catch (e) { failures.push(String(e instanceof Error ? e.message.split("\n")[0] : e)); }
  }
  assert.ok(checked > 200, `${checked} samples`);
  assert.is(failures.length, 0, `${failures.length} of ${checked}:\n${failures.slice(0, 40).join("\n")}`);
});

test.run();
