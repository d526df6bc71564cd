// Products on tensor cores as the assembler sees them: for every instruction set nothing is spilled. Registers and shared memory are printed as a table.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Func } from "../../../../compiler/ir/func.ts";
import { matmul, add, astype, gelu, mul, transpose, type Tensor } from "../../../../stdlib/index.ts";
import { traceClosed } from "../../../../compiler/trace/trace.ts";
import { compiledFor, productOf } from "../../../ptx/matrix.ts";
import { ptxas } from "../../../support/drivers.ts";
import { withDrivers } from "../../../support/skip.ts";

const withAssembler = withDrivers([ptxas()]),
  folder = mkdtempSync(join(tmpdir(), "pullback-products-"));
test.after(() => rmSync(folder, { recursive: true }));

const fused: Func = traceClosed(
  (...xs) => {
    const [a, w, c] = xs as [Tensor, Tensor, Tensor]; // three parameters
    return [gelu(add(matmul(a, w), c))];
  },
  [
    { dtype: "bf16", shape: [4096, 1024] },
    { dtype: "bf16", shape: [1024, 4096] },
    { dtype: "bf16", shape: [4096] },
  ],
);
/** Operands that are computed: a cast and a scale of one, or a mask of one, which lies across, and a cast of the other. */
const computed = (both: boolean): Func =>
  traceClosed(
    (...xs) => {
      const [a, c, w] = xs as [Tensor, Tensor, Tensor]; // three parameters
      return both ? [matmul(transpose(mul(a, c)), astype(w, "bf16"))] : [matmul(mul(astype(w, "bf16"), 0.5), a)];
    },
    [
      { dtype: "bf16", shape: [4096, 512] },
      { dtype: "bf16", shape: [4096, 512] },
      { dtype: "f32", shape: [4096, both ? 512 : 4096] },
    ],
  );
/** Large tiles of every dtype and layout, edges on all sides, small tiles, split sums, odd strides, an epilogue. */
const templates: readonly (readonly [what: string, f: Func])[] = [
  ["bf16 large", productOf("bf16", 4096, 4096, 4096)],
  ["bf16 both turned", productOf("bf16", 4096, 4096, 4096, { lhs: true, rhs: true })],
  ["f16 edges", productOf("f16", 4104, 4088, 4072)],
  ["bf16 odd strides", productOf("bf16", 1023, 1023, 1023)],
  ["bf16 small", productOf("bf16", 256, 256, 256)],
  ["bf16 split", productOf("bf16", 64, 8192, 64)],
  ["bf16 split, wide", productOf("bf16", 768, 8192, 768, { lhs: true })],
  ["bf16 gelu", fused],
  ["bf16 computed", computed(false)],
  ["bf16 computed, both", computed(true)],
  ["f32 large", productOf("f32", 4096, 4096, 4096)],
  ["f32 turned", productOf("f32", 4096, 4096, 4096, { lhs: true })],
  ["f32 odd", productOf("f32", 1023, 1023, 1023)],
];
for (const capability of [75, 80, 89, 90, 100])
  withAssembler(`products assemble for sm_${capability} without spills`, path => {
    const rows = templates.map(([what, f]) => {
      const artifact = compiledFor(f, capability, 108),
        file = join(folder, "a.ptx");
      writeFileSync(file, artifact.text);
      const target = /^\.target (\S+)/m.exec(artifact.text)?.[1] ?? "",
        { stdout, stderr, status } = spawnSync(path, ["-v", `-arch=${target}`, file, "-o", join(folder, "a.bin")], { encoding: "utf8" }),
        said = stdout + stderr;
      assert.is(status, 0, said);
      const spills = [...said.matchAll(/(\d+) bytes spill/g)].map(m => Number(m[1]));
      assert.ok(spills.length > 0 && spills.every(n => n === 0), `${what}: ${said}`);
      const registers = Math.max(...[...said.matchAll(/Used (\d+) registers/g)].map(m => Number(m[1]))),
        [kernel] = artifact.kernels;
      return `  ${what.padEnd(18)} ${String(registers).padStart(4)} ${String((kernel?.sharedBytes ?? 0) + (kernel?.dynamicSharedBytes ?? 0)).padStart(7)} ${String(kernel?.threads).padStart(5)}`;
    });
    console.log([`sm_${capability}: registers, shared bytes, threads`, ...rows].join("\n"));
  });

test.run();
