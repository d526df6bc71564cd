// Kernels of programs, and what NVIDIA's assembler says against them.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PtxArtifact } from "../../../../runtime/artifact.ts";
import { compile } from "../../../../compiler/compile.ts";
import { ptxHeader } from "../../../../compiler/emit/ptx/module.ts";
import type { Func } from "../../../../compiler/ir/func.ts";

const PER_MODULE = 150;
/** The kernels of programs, each under a name of its own, without a second of the same text. */
export function kernelsOf(programs: Iterable<Func>, capability: number): string[] {
  const texts = new Map<string, string>(); // nameless text -> text
  for (const program of programs) {
    const artifact = compile(program, {
      kind: "cuda",
      features: { capability, threads: 1024, sharedBytes: 49152, sharedBytesOptIn: 101376, processors: 108 },
    }) as PtxArtifact; // the target is cuda
    for (const text of artifact.text.split(/(?=^(?:\.extern .*\n)?\.visible \.entry )/m).slice(1)) {
      const name = /^\.visible \.entry (\w+)/m.exec(text)?.[1] ?? "",
        as = (other: string): string => text.replaceAll(new RegExp(`\\b${name}(?=\\b|_p\\d|_shared)`, "g"), other);
      const key = as("kernel");
      if (!texts.has(key)) texts.set(key, as(`k${texts.size}_${name}`));
    }
  }
  return [...texts.values()];
}
/** What the assembler says against these kernels. */
export function complaints(assembler: string, kernels: readonly string[], capability: number): string[] {
  const out: string[] = [],
    folder = mkdtempSync(join(tmpdir(), "pullback-ptxas-"));
  for (let i = 0; i < kernels.length; i += PER_MODULE) {
    const file = join(folder, `m${capability}_${i}.ptx`);
    writeFileSync(
      file,
      [
        ptxHeader({ capability, threads: 1024, sharedBytes: 49152, sharedBytesOptIn: 101376, processors: 108 }),
        ...kernels.slice(i, i + PER_MODULE),
        "",
      ].join("\n\n"),
    );
    try {
      execFileSync(assembler, [`-arch=sm_${capability}`, "-O0", "-o", join(folder, "out.cubin"), file], {
        encoding: "utf8",
        stdio: "pipe",
      });
    } catch (e) {
      out.push(String((e as { readonly stderr?: unknown }).stderr ?? e).slice(0, 2000)); // what execFileSync throws
    }
  }
  rmSync(folder, { recursive: true });
  return out;
}
