// What `pullback check` says of the examples that are written with operators: nothing.
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CheckedProject } from "../../compiler/frontend/check/project.ts";

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const project = new CheckedProject(at("tsconfig.json"));
for (const path of ["examples/10-gpt-operators/operators.tensor.ts", "examples/12-vite-app/model.tensor.ts"])
  test(`${path} has no errors and no warnings`, () => {
    assert.equal(
      project.findings(at(path)).map(f => `${f.line}:${f.column} ${f.code} ${f.message}`),
      [],
    );
  });

test.run();
