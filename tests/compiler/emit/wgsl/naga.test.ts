// A second compiler of WGSL: naga, in Deno, takes the shaders of every primitive, with and without subgroups where it has them, and of merged launches. (Dawn's compiler sees all of them in tests/backends.)
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { test } from "uvu";
import { compile } from "../../../../compiler/compile.ts";
import type { Func } from "../../../../compiler/ir/func.ts";
import { primitiveSamples } from "../../../../compiler/primitives/samples.ts";
import { programOf } from "../../../backends/conform.ts";
import { programs } from "../../../backends/merged.ts";
import { deno, lavapipe } from "../../../support/drivers.ts";
import { withDrivers } from "../../../support/skip.ts";

/** Deno's part: the shaders of a file, each compiled; what is refused is printed. */
const SCRIPT = `
const adapter = await navigator.gpu.requestAdapter();
const requiredFeatures = ["subgroups"].filter(f => adapter.features.has(f));
const device = await adapter.requestDevice({ requiredFeatures });
let tried = 0;
const refused = [];
for (const [name, code] of JSON.parse(Deno.readTextFileSync(Deno.args[0]))) {
  if (code.startsWith("enable subgroups;") && requiredFeatures.length === 0) continue;
  tried++;
  device.pushErrorScope("validation");
  device.createShaderModule({ code });
  const error = await device.popErrorScope();
  if (error) refused.push(name + ": " + error.message);
}
console.log(JSON.stringify({ tried, refused }));
Deno.exit(0);
`;
const holdsDouble = (f: Func): boolean => [...f.params, ...f.results, ...f.eqns.flatMap(e => e.outs)].some(v => v.aval.dtype === "f64");
/** Shaders of one sample in nine, each text once. */
function shaders(): [string, string][] {
  const found = new Map<string, string>();
  for (const subgroup of [1, 4])
    primitiveSamples.forEach((s, i) => {
      const f = (i + subgroup) % 9 === 0 ? programOf(s) : undefined;
      if (!f || holdsDouble(f)) return;
      const artifact = compile(f, { kind: "webgpu", features: { f16: false, subgroup, threads: 256, sharedBytes: 16384 } });
      if (artifact.kind === "wgsl") for (const k of artifact.kernels) found.set(k.code, `${s.prim.name}, subgroups of ${subgroup}`);
    });
  for (const [what, [f]] of Object.entries(programs)) {
    const artifact = compile(f, { kind: "webgpu", features: { f16: false, subgroup: 1, threads: 256, sharedBytes: 16384 } });
    if (artifact.kind === "wgsl") for (const k of artifact.kernels) found.set(k.code, `${what}, merged`);
  }
  return [...found].map(([code, name]) => [name, code]);
}

withDrivers([deno(), lavapipe()])("naga compiles the shaders of every primitive", (binary, driver) => {
  const folder = mkdtempSync(join(tmpdir(), "pullback-naga-")),
    file = join(folder, "shaders.json");
  try {
    writeFileSync(file, JSON.stringify(shaders()));
    const out = execFileSync(binary, ["eval", "--unstable-webgpu", SCRIPT, file], {
      encoding: "utf8",
      timeout: 200_000,
      env: { ...process.env, VK_ICD_FILENAMES: driver, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const { tried, refused } = JSON.parse(out.trim().split("\n").at(-1) ?? "") as { tried: number; refused: readonly string[] }; // what SCRIPT prints
    console.log(`naga: ${tried} shaders`);
    assert.ok(tried > 300, `${tried} shaders`);
    assert.equal(refused, []);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
