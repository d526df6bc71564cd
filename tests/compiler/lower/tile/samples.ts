// Every primitive at every sample, a share of the primitives a file. A primitive's first samples are cut for every target, later ones for every other, by turns; all of them with CONFORMANCE=all.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sizeOf } from "../../../../compiler/ir/aval.ts";
import type { Primitive } from "../../../../compiler/ir/primitive.ts";
import { primitiveSamples } from "../../../../compiler/primitives/samples.ts";
import { programOf, showSample, valuesFor } from "../../../backends/conform.ts";
import { differences, targets } from "./harness.ts";

const FIRST = process.env["CONFORMANCE"] === "all" ? Infinity : 3;
/** A test for each of these primitives. */
export function testPrimitives(primitives: readonly Primitive[]): void {
  for (const prim of primitives)
    test(`${prim.name}, cut for a GPU, agrees with the reference at every sample`, () => {
      const failures = primitiveSamples
        .filter(s => s.prim === prim && s.avals.every(a => sizeOf(a.shape) <= 2048))
        .flatMap((s, i) => {
          const f = programOf(s),
            args = valuesFor(s.avals, 17 + i, s.domain);
          return targets.flatMap((target, t) => {
            if (i >= FIRST && (i + t) % 2 === 1) return [];
            if (target.software && !["map", "reduce", "contract", "composite"].includes(prim.lower.kind)) return []; // cut as for other targets
            try {
              return differences(f, args, target).map(d => `${showSample(s)} target ${t}: ${d}`);
            } catch (e) {
              return [`${showSample(s)} target ${t}: ${e instanceof Error ? e.message : String(e)}`];
            }
          });
        });
      assert.is(failures.length, 0, `${failures.length}:\n${failures.slice(0, 6).join("\n")}`);
    });
}
