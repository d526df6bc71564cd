// Where a test finds what no npm package brings: a browser, Vulkan drivers that run on the CPU, ptxas, Deno's binary. `npm test` installs what it
// may (scripts/debian.mjs); what stays missing is a reason, which a skipped test prints (skip.ts).
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A file on this machine, or why there is none. */
export type Driver = { readonly kind: "found"; readonly path: string } | { readonly kind: "missing"; readonly reason: string };

/** Chromium itself: CHROME_PATH, else the usual places. */
export function chromium(): Driver {
  const own = process.env["CHROME_PATH"];
  if (own !== undefined) return existsSync(own) ? { kind: "found", path: own } : missing(`CHROME_PATH is ${own}, which does not exist`);
  return firstOf(["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"], "chromium");
}
/** With PULLBACK_GPU=hardware WebGPU is tested in Node on this machine's own driver, in SwiftShader's place. */
const onHardware = process.env["PULLBACK_GPU"] === "hardware";
/** The Vulkan driver that Dawn finds from now on: the one of that file; the machine's own for an empty name. Dawn looks once a process. */
export function useVulkan(file: string): void {
  if (file !== "") process.env["VK_ICD_FILENAMES"] = file;
}
/** The Vulkan driver file of SwiftShader, which comes with Chromium: for `useVulkan`. Subgroups of 4, no f16. */
export function swiftshader(): Driver {
  if (onHardware) return { kind: "found", path: "" };
  const own = process.env["CHROME_PATH"];
  const folders = [...(own === undefined ? [] : [dirname(own)]), "/usr/lib/chromium", "/usr/lib/chromium-browser", "/opt/google/chrome"];
  return firstOf(
    folders.map(folder => join(folder, "vk_swiftshader_icd.json")),
    "chromium",
  );
}
/** The Vulkan driver file of Mesa's lavapipe, for VK_ICD_FILENAMES; of at least that major version (Dawn takes no older one than 25). Subgroups of 8, f16. */
export function lavapipe(atLeast = 0): Driver {
  if (onHardware) return missing("PULLBACK_GPU=hardware tests the machine's own driver");
  const folder = "/usr/share/vulkan/icd.d";
  const file = existsSync(folder) ? readdirSync(folder).find(name => /^lvp_icd(\.\w+)?\.json$/.test(name)) : undefined;
  if (file === undefined) return missing(notInstalled("mesa-vulkan-drivers"));
  const version = atLeast > 0 ? debianVersion("mesa-vulkan-drivers") : undefined;
  return version !== undefined && Number.parseInt(version, 10) < atLeast
    ? missing(`Mesa is ${version}, ${atLeast} is needed${remembered("mesa-vulkan-drivers")}`)
    : { kind: "found", path: join(folder, file) };
}
/** NVIDIA's assembler of PTX: PTXAS, else on the PATH, else of an installed CUDA. */
export function ptxas(): Driver {
  const own = process.env["PTXAS"];
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/local/cuda/bin"].filter(folder => folder !== "");
  const found = [...(own === undefined ? [] : [own]), ...folders.map(folder => join(folder, "ptxas"))].find(existsSync);
  return found === undefined
    ? missing("ptxas is neither in PTXAS, nor on the PATH, nor in CUDA's usual folder")
    : { kind: "found", path: found };
}
/** A C compiler: CC, else cc or gcc on the PATH. */
export function cCompiler(): Driver {
  const own = process.env["CC"];
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter(folder => folder !== "");
  const found = [
    ...(own === undefined ? [] : [own]),
    ...["cc", "gcc", "clang"].flatMap(name => folders.map(folder => join(folder, name))),
  ].find(existsSync);
  return found === undefined ? missing("there is no C compiler on the PATH, nor in CC") : { kind: "found", path: found };
}
/** The folder of cuda.h: in CUDA_PATH, or in CUDA's usual folder. */
export function cudaHeader(): Driver {
  const parents = (existsSync("/usr/local") ? readdirSync("/usr/local") : []).filter(name => name.startsWith("cuda"));
  const folders = [process.env["CUDA_PATH"], ...parents.map(name => join("/usr/local", name))].flatMap(folder =>
    folder === undefined ? [] : [join(folder, "include")],
  );
  const found = folders.find(folder => existsSync(join(folder, "cuda.h")));
  return found === undefined ? missing("there is no cuda.h in CUDA_PATH, nor in CUDA's usual folder") : { kind: "found", path: found };
}
/** Deno's binary, out of its npm package for this platform: no install script has to run. */
export function deno(): Driver {
  const libc = process.platform === "linux" ? "-glibc" : "";
  const name = `@deno/${process.platform}-${process.arch}${libc}`;
  try {
    const folder = dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
    return firstOf([join(folder, process.platform === "win32" ? "deno.exe" : "deno")], name);
  } catch {
    return missing(`npm has no ${name} installed`);
  }
}

const missing = (reason: string): Driver => ({ kind: "missing", reason });
function firstOf(paths: readonly string[], debian: string): Driver {
  const path = paths.find(existsSync);
  return path === undefined ? missing(notInstalled(debian)) : { kind: "found", path };
}
/** Which version of a Debian package is installed: undefined where none is, and on other systems. */
export function debianVersion(name: "mesa-vulkan-drivers" | "chromium"): string | undefined {
  try {
    return execFileSync("dpkg-query", ["-W", "-f=${Version}", name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return undefined; // no Debian: the driver itself will say what it cannot do
  }
}
const notInstalled = (name: string): string => `${name} is not installed${remembered(name)}`;
/** What scripts/debian.mjs noted when it could not install `name`. */
function remembered(name: string): string {
  try {
    const note: unknown = JSON.parse(
      readFileSync(fileURLToPath(new URL("../../node_modules/.cache/pullback/debian.json", import.meta.url)), "utf8"),
    );
    const { packages, why } = note as { readonly packages: readonly string[]; readonly why: string };
    return packages.includes(name) ? `: ${why}` : "";
  } catch {
    return ": npm test installs it where it may";
  }
}
