// Random well-typed programs: the compiled program agrees with the reference evaluator, and so does running it one operation at a time
// (not bit for bit: fusion may change the layout of an operand, and with it the order of a product's sum).
// A failure prints fast-check's seed and the shrunk program. PULLBACK_FUZZ_RUNS sets how many are tried.
import { test } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { jit, type Tensor } from "../../stdlib/index.ts";
import { fromHost } from "../../compiler/index.ts";
import { evaluate, hostTensor } from "../../compiler/reference/evaluate.ts";
import { printFunc } from "../../compiler/ir/print.ts";
import { checkFunc } from "../../compiler/ir/check.ts";
import { optimize } from "../../compiler/optimize/passes.ts";
import { numbers } from "../support/numbers.ts";
import { fuzzSettings } from "../support/fuzz.ts";
import { dataOf, programs, run } from "./generate.ts";

const settings = fuzzSettings(300);

test(`${settings.numRuns} random programs: compiled = reference = eager, and passes keep programs well-formed`, () => {
  fc.assert(
    fc.property(programs, p => {
      const data = dataOf(p);
      const inputs = p.shapes.map((s, i) =>
        fromHost(p.dtype, s, p.dtype === "f32" ? Float32Array.from(data[i] ?? []) : Float64Array.from(data[i] ?? [])),
      );
      const f = jit((xs: readonly Tensor[]) => run(p, xs)),
        got = f(inputs) as readonly Tensor[]; // the program returns a list
      if (got.length === 0) return;
      const { func } = f.lower(inputs);
      checkFunc(optimize(checkFunc(func)), "optimized");
      const want = evaluate(
        func,
        p.shapes.map((s, i) => hostTensor(p.dtype, s, data[i] ?? [])),
        { wide: true },
      );
      const eager = run(p, inputs),
        rtol = p.dtype === "f32" ? 2e-4 : 1e-10; // rounding grows through a chain of operations
      got.forEach((y, k) => {
        const b = want[k]?.data ?? [],
          scale = 1 + Math.max(0, ...Array.from(b, Math.abs).filter(Number.isFinite));
        for (const [how, a] of [
          ["compiled", numbers(y)],
          ["eager", numbers(eager[k] as Tensor)],
        ] as const)
          a.forEach((v, i) => {
            // the same program
            const w = b[i] ?? NaN;
            if (!(v === w || (Number.isNaN(v) && Number.isNaN(w)) || Math.abs(v - w) <= rtol * scale))
              assert.unreachable(`${how} output ${k}[${i}] is ${v}, the reference ${w}\n${printFunc(func)}`);
          });
      });
    }),
    settings,
  );
});

test.run();
