// The same for the other instruction sets: a kernel of every primitive at every combination of dtypes, and of every loop. The emitter differs between them only
// in a module's head, so that the many shapes are left to sm_80.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { primitiveSamples } from "../../../../compiler/primitives/samples.ts";
import { programOf } from "../../../backends/conform.ts";
import { controlledPrograms } from "../../../backends/controlled.ts";
import { ptxas } from "../../../support/drivers.ts";
import { withDrivers } from "../../../support/skip.ts";
import { complaints, kernelsOf } from "./assemble.ts";

const withAssembler = withDrivers([ptxas()]);
const firsts = [
  ...new Map(
    primitiveSamples.map(s => [`${s.prim.name} ${s.avals.map(a => a.dtype).join()} ${s.params["dtype" as never] ?? ""}`, s]),
  ).values(),
];
for (const capability of [75, 89, 90, 100])
  withAssembler(`a kernel of every primitive at every dtype, and of every loop, assembles for sm_${capability}`, assembler => {
    const kernels = kernelsOf([...firsts.map(programOf), ...controlledPrograms().map(p => p.program)], capability);
    assert.ok(kernels.length > 400, `${kernels.length} kernels`);
    assert.equal(complaints(assembler, kernels, capability), []);
  });

test.run();
