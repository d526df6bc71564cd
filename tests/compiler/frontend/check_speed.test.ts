// How long `pullback check` takes on a file that is checked again and again (`--watch`): types, lints and exported functions, traced.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CheckedProject } from "../../../compiler/frontend/check/project.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const folder = mkdtempSync(join(root, "tests/compiler/frontend/checked-"));
test.after(() => rmSync(folder, { recursive: true }));
/** A model of twenty layers with shapes. */
const model = (scale: number): string => `"use tensor";
import { matmul, tanh, sum, type Tensor } from "pullback";
type F32<S extends readonly (number | string)[]> = Tensor<S, "f32">;
${Array.from(
  { length: 20 },
  (_, i) => `export const layer${i} = (x: F32<["batch", 64]>, w: F32<[64, 64]>, b: F32<[64]>): F32<["batch", 64]> => {
  let h: F32<["batch", 64]> = tanh(matmul(x, w) + b) * ${scale + i};
  if (sum(h) > 0) h = h - x;
  return h + ${i};
};
`,
).join("")}`;

test("a warm check takes a small part of a cold one, and little of a second", () => {
  const file = join(folder, "model.ts"),
    project = new CheckedProject(join(root, "tsconfig.json"));
  const check = (scale: number): number => {
    writeFileSync(file, model(scale));
    const start = process.cpuUsage(); // the processor's time: the machine may be busy with other things
    project.refresh(file);
    assert.equal(project.findings(file), []);
    assert.is(project.exports(file).length, 20);
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  };
  const cold = check(0),
    warm = [1, 2, 3, 4, 5, 6, 7].map(check).sort((a, b) => a - b),
    best = warm[0] ?? Infinity;
  console.log(`cold ${Math.round(cold)} ms, warm ${warm.map(Math.round).join(" ")} ms`);
  assert.ok(best < 900, `${best} ms`); // about 200 on an idle machine
  assert.ok(best < cold / 4, `${best} of ${cold} ms`);
});

test.run();
