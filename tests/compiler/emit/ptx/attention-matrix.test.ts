// Attention on tensor cores as the assembler sees it: for every instruction set that has them nothing is spilled, and no asynchronous products are made to wait. Registers and shared memory are printed as a table.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../../../compiler/compile.ts";
import { aval } from "../../../../compiler/ir/aval.ts";
import type { Func } from "../../../../compiler/ir/func.ts";
import { attention, attentionGrad } from "../../../../compiler/primitives/attention.ts";
import { traceClosed } from "../../../../compiler/trace/trace.ts";
import type { Tensor } from "../../../../compiler/trace/tensor.ts";
import { ptxas } from "../../../support/drivers.ts";
import { withDrivers } from "../../../support/skip.ts";

const folder = mkdtempSync(join(tmpdir(), "pullback-attention-"));
test.after(() => rmSync(folder, { recursive: true }));

/** Forward, and the gradient's two passes, by fragments in one launch; queries enough for the widest tiles, keys that end inside of a strip. */
function templates(dtype: "bf16" | "f16" | "f32", d: number, causal: boolean): readonly (readonly [what: string, f: Func])[] {
  const q = aval(dtype, [2, 1000, 8, d]),
    rows = aval("f32", [2, 8, 1000]),
    p = { causal, scale: 0.1 };
  return [
    ["forward", traceClosed((...xs) => attention.all(...(xs as [Tensor, Tensor, Tensor]), p), [q, q, q])], // three parameters
    ["gradient", traceClosed((...xs) => attentionGrad.all(...xs, p), [q, q, q, q, rows, rows])],
  ];
}
const heads = [
  ["bf16", 32, false],
  ["f16", 64, true],
  ["bf16", 128, true],
  ["f32", 64, true],
  ["f32", 128, true],
] as const;
const all = process.env["CONFORMANCE"] === "all"; // else, of targets that get the text of sm_80, the heads with the most registers
for (const capability of [80, 89, 90, 100])
  withDrivers([ptxas()])(`attention on tensor cores assembles for sm_${capability} without spills`, path => {
    const table: string[] = [];
    for (const [dtype, d, causal] of heads.filter(([, d]) => all || capability === 80 || capability === 90 || d === 128))
      for (const [what, f] of templates(dtype, d, causal)) {
        const made = compile(f, {
          kind: "cuda",
          features: {
            capability,
            threads: 1024,
            sharedBytes: 49152,
            sharedBytesOptIn: capability === 90 ? 232448 : 101376,
            processors: 108,
          },
        });
        if (made.kind !== "ptx") throw new Error("not PTX");
        const inBulk = capability === 90 && dtype !== "f32" && d >= 64;
        assert.match(made.text, inBulk ? /wgmma\.mma_async/ : /mma\.sync/);
        assert.is(made.kernels.length, inBulk && what === "gradient" ? 2 : 1);
        const file = join(folder, "a.ptx");
        writeFileSync(file, made.text);
        const { stdout, stderr, status } = spawnSync(
            path,
            ["-v", `-arch=${/^\.target (\S+)/m.exec(made.text)?.[1]}`, file, "-o", join(folder, "a.bin")],
            { encoding: "utf8" },
          ),
          said = stdout + stderr;
        assert.is(status, 0, said);
        assert.not.match(said, /Potential Performance Loss/, `${what} of ${d}: asynchronous products wait for one another`);
        const registers = [...said.matchAll(/entry function '(\w+)'[\s\S]*?Used (\d+) registers/g)],
          spilled = [...said.matchAll(/(\d+) bytes spill/g)].map(m => Number(m[1]));
        assert.ok(spilled.length > 0 && spilled.every(n => n === 0), `${what} of ${d}: ${said}`);
        for (const { entry, sharedBytes, dynamicSharedBytes = 0, threads } of made.kernels) {
          const part = made.kernels.length === 1 ? what : /_(query|keys)$/.exec(entry)?.[1],
            used = registers.find(r => r[1] === entry)?.[2];
          table.push(
            `  ${`${dtype} ${d} ${part}`.padEnd(20)} ${String(used).padStart(4)} ${String(sharedBytes + dynamicSharedBytes).padStart(7)} ${String(threads).padStart(5)}`,
          );
        }
      }
    console.log([`sm_${capability}: registers, shared bytes, threads`, ...table].join("\n"));
  });

test.run();
