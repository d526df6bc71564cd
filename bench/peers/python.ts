// Finds a Python that has the peers. Nothing is installed into anybody's Python.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The interpreter, and the reason why a module cannot be had from it. */
export interface Python {
  readonly file: string;
  lacks(module: "jax" | "torch"): string | undefined;
}

/** The Python named by PULLBACK_BENCH_PYTHON, else `python3`. */
export function findPython(): Python {
  const file = process.env["PULLBACK_BENCH_PYTHON"] ?? "python3";
  const found = spawnSync(file, [fileURLToPath(new URL("python/modules.py", import.meta.url)), "jax", "torch", "numpy"], {
    encoding: "utf8",
  });
  const has = (module: string): boolean => found.status === 0 && found.stdout.includes(`${module} True`);
  const remedy = "set PULLBACK_BENCH_PYTHON to a Python that has it";
  return {
    file,
    lacks: module =>
      found.status !== 0
        ? `${file} does not run; ${remedy}`
        : has(module) && has("numpy")
          ? undefined
          : `${file} has no module ${has(module) ? "numpy" : module}; ${remedy}`,
  };
}
