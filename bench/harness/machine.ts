// The facts without which a figure means nothing: the processor, the cores this process may use, the versions. Reads, changes nothing.
import { spawnSync } from "node:child_process";
import { availableParallelism, cpus, release, totalmem, type } from "node:os";
import { readFileSync } from "node:fs";

/** One line about the machine. */
export function machine(): string {
  const model = cpus()[0]?.model.trim() ?? "unknown processor";
  return `${model}${vectors()}, ${availableParallelism()} core${availableParallelism() === 1 ? "" : "s"}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release().split("-")[0] ?? ""}`;
}

/** The widest vectors that native code may use here. */
function vectors(): string {
  try {
    const flags = /^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "";
    return flags.includes("avx512f") ? " (AVX-512)" : flags.includes("avx2") ? " (AVX2)" : "";
  } catch {
    return ""; // not Linux
  }
}

/** What to put before a command so that it stays on one core; nothing where the system cannot. */
export function onOneCore(): readonly string[] {
  const core = String(availableParallelism() - 1);
  return spawnSync("taskset", ["-c", core, "true"]).status === 0 ? ["taskset", "-c", core] : [];
}
