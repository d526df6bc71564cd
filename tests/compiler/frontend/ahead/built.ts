// The test model, compiled ahead of time and imported.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { answer } from "../../../../compiler/frontend/ahead/answer.ts";
import { requestOf } from "../../../../compiler/frontend/ahead/request.ts";
import type { DeviceTensor } from "../../../../runtime/aot/index.ts";

/** A compiled function, its arguments as declarationText types them. */
export type Call = (...args: readonly unknown[]) => Promise<Record<string, unknown>>;
/** What mlp.ts exports, compiled, and what was left out. */
export interface Built {
  readonly functions: Readonly<Record<string, Call>>;
  readonly skipped: readonly string[];
}
/** Two parameters of the model and what AdamW keeps of them. */
export interface Run {
  readonly params: Readonly<Record<"w1" | "w2", DeviceTensor>>;
  readonly state: unknown;
}

/** Compiles mlp.ts and imports the result. */
export async function built(): Promise<Built> {
  const here = fileURLToPath(new URL(".", import.meta.url)),
    { outcome } = await answer(requestOf(`${here}mlp.ts?compiled`));
  if (outcome.kind === "refused") throw new Error(outcome.complaints);
  const folder = mkdtempSync(join(here, "built-")); // inside the package, which is imported by its name
  try {
    const file = join(folder, "mlp.mjs");
    writeFileSync(file, outcome.code);
    return { functions: (await import(pathToFileURL(file).href)) as Built["functions"], skipped: outcome.skipped }; // functions only
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A batch: 64 points, 64 labels. */
export const x: Float32Array<ArrayBuffer> = Float32Array.from({ length: 128 }, (_, i) => Math.sin(i * i));
/** See x. */
export const labels: Int32Array<ArrayBuffer> = Int32Array.from({ length: 64 }, (_, i) => i % 3);
