// Every primitive on the Wasm device against the reference evaluator, at every sample: integers and truth values exactly, floats within one table.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { WasmDevice } from "../../runtime/wasm/device.ts";
import { isFloat } from "../../runtime/dtype.ts";
import { aval, sizeOf } from "../../compiler/ir/aval.ts";
import { allPrimitives } from "../../compiler/primitives/all.ts";
import { bitcast } from "../../compiler/primitives/convert.ts";
import { primitiveSamples } from "../../compiler/primitives/samples.ts";
import { hostTensor } from "../../compiler/reference/evaluate.ts";
import { differences, operation, programOf, runOn, showSample, valuesFor, type Tolerance } from "./conform.ts";


/** What is less exact than one operation: a product's sum is in another order, and its terms may cancel. */
const tolerances: Readonly<Record<string, Tolerance>> = { dotGeneral: d => (d === "f32" ? 2e-5 : operation(d)) };
/** Where element-wise code breaks: limits, signed zeros, the smallest and largest numbers, halves, and whole numbers around 2^31. */
const edges: readonly number[] = [NaN, Infinity, -Infinity, 0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 1e-45, -1e-45, 1.2e-38, 1e-8, -1e-8, 3.4e38, -3.4e38, 88.8, -88.8, 104, -104, 710, -746, 8388609, 2 ** 31, -(2 ** 31), 1e10, 170.5, -3, -2.0001];
const one = new WasmDevice({ threads: 1 }), two = new WasmDevice({ threads: 2 });

for (const prim of allPrimitives) test(`${prim.name} agrees with the oracle at every sample`, () => {
  const samples = primitiveSamples.filter(s => s.prim === prim);
  assert.ok(samples.length > 0, `${prim.name} has no samples`);
  const failures = samples.flatMap((s, i) => differences(one, programOf(s), valuesFor(s.avals, 17 + i, s.domain), tolerances[prim.name] ?? operation).map(d => `${showSample(s)}: ${d}`));
  assert.is(failures.length, 0, `${failures.length} of ${samples.length}:\n${failures.slice(0, 6).join("\n")}`);
});

for (const prim of allPrimitives) {
  const sample = primitiveSamples.filter(s => s.prim === prim && s.avals.length > 0 && s.avals.every(a => isFloat(a.dtype)));
  if (prim.lower.kind === "map" && prim !== bitcast.primitive as unknown && sample.length > 0) test(`${prim.name} agrees with the oracle at the edges of floating point`, () => {
    const failures = (["f32", "f64"] as const).flatMap(dtype => [...new Map(sample.map(s => [JSON.stringify(s.params), s])).values()].flatMap(s => {
      const n = s.avals.length, size = edges.length ** n, avals = s.avals.map(() => aval(dtype, [size]));
      const args = avals.map((a, k) => hostTensor(dtype, a.shape, Array.from({ length: size }, (_, i) => edges[Math.floor(i / edges.length ** k) % edges.length] ?? 0)));
      return differences(one, programOf({ ...s, avals }), args, tolerances[prim.name] ?? operation).map(d => `${showSample({ ...s, avals })}: ${d}`);
    }));
    assert.is(failures.length, 0, failures.join("\n"));
  });
}

test("two threads give the bits of one thread, at every large sample", () => {
  const large = primitiveSamples.filter(s => s.avals.some(a => sizeOf(a.shape) >= 9000));
  assert.ok(large.length > 50, `${large.length} large samples`);
  for (const s of large) {
    const f = programOf(s), args = valuesFor(s.avals, 5, s.domain);
    assert.equal(runOn(two, f, args), runOn(one, f, args), showSample(s));
  }
});

test.run();
