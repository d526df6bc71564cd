// NVIDIA's own assembler takes every kernel that the conformance programs become, for sm_80. Kernels are told apart by their text.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { primitiveSamples } from "../../../../compiler/primitives/samples.ts";
import { programOf } from "../../../backends/conform.ts";
import { controlledGradients, controlledPrograms } from "../../../backends/controlled.ts";
import { ptxas } from "../../../support/drivers.ts";
import { withDrivers } from "../../../support/skip.ts";
import { complaints, kernelsOf } from "./assemble.ts";

const withAssembler = withDrivers([ptxas()]);

withAssembler("every kernel of the conformance programs assembles for sm_80", assembler => {
  const kernels = kernelsOf(
    [...primitiveSamples.map(programOf), ...controlledPrograms().map(p => p.program), ...controlledGradients()],
    80,
  );
  console.log(`${kernels.length} different kernels of ${primitiveSamples.length} samples and the programs with loops`);
  assert.ok(kernels.length > 1000);
  assert.equal(complaints(assembler, kernels, 80), []);
});

test.run();
