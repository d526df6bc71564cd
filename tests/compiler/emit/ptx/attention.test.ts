// Attention without matrix units for CUDA cards keeps a row in registers: the assembler must find room for them. Registers are printed, one line a head size.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../../../compiler/compile.ts";
import { aval } from "../../../../compiler/ir/aval.ts";
import { attention, attentionGrad } from "../../../../compiler/primitives/attention.ts";
import { traceClosed } from "../../../../compiler/trace/trace.ts";
import type { Tensor } from "../../../../compiler/trace/tensor.ts";
import { ptxas } from "../../../support/drivers.ts";
import { withDrivers } from "../../../support/skip.ts";

const folder = mkdtempSync(join(tmpdir(), "pullback-attention-"));
test.after(() => rmSync(folder, { recursive: true }));

for (const capability of [80, 90])
  withDrivers([ptxas()])(`attention and its gradient assemble for sm_${capability} without spills`, path => {
    for (const [dtype, d] of [
      ["f32", 32],
      ["f32", 64],
      ["bf16", 72],
      ["f32", 128],
    ] as const) {
      const q = aval(dtype, [2, 256, 4, d]),
        rows = aval("f32", [2, 4, 256]),
        p = { causal: true, scale: 0.1 };
      const f = traceClosed(
        (...xs) => {
          const [a, b, c] = xs as [Tensor, Tensor, Tensor]; // the first three
          return [...attention.all(a, b, c, p), ...attentionGrad.all(...xs, p)];
        },
        [q, q, q, q, rows, rows],
      );
      const made = compile(
        f,
        { kind: "cuda", features: { capability, threads: 1024, sharedBytes: 49152, sharedBytesOptIn: 101376, processors: 108 } },
        { precision: "highest" },
      );
      if (made.kind !== "ptx") throw new Error("not PTX");
      const file = join(folder, "a.ptx");
      writeFileSync(file, made.text);
      const { stdout, stderr, status } = spawnSync(path, ["-v", `-arch=sm_${capability}`, file, "-o", join(folder, "a.bin")], {
          encoding: "utf8",
        }),
        said = stdout + stderr;
      assert.is(status, 0, said);
      const registers = [...said.matchAll(/Used (\d+) registers/g)].map(m => Number(m[1])),
        spilled = [...said.matchAll(/(\d+) bytes spill/g)].map(m => Number(m[1]));
      console.log(
        `sm_${capability} ${dtype} heads of ${d}: ${made.kernels.map((k, i) => `${k.entry} ${registers[i]} registers`).join(", ")}`,
      );
      assert.ok(registers.length > 0 && spilled.length > 0, said);
      assert.ok(
        spilled.every(n => n === 0),
        said,
      );
    }
  });

test.run();
