// Puts the JavaScript peers into .cache/bench, which git ignores, and finds them there. It never touches the project's own node_modules or lock file.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { versions, type NpmPeer } from "./versions.ts";

const folder = fileURLToPath(new URL("../../.cache/bench/", import.meta.url));

function installedVersion(peer: NpmPeer, name: string): string | undefined {
  const manifest = join(folder, peer, "node_modules", name, "package.json");
  return existsSync(manifest) ? (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version : undefined; // npm wrote it
}

/** Installs `peer` unless its pinned versions are there. The reason why that failed, or undefined. */
export function install(peer: NpmPeer): string | undefined {
  const wanted = Object.entries(versions[peer]);
  if (wanted.every(([name, version]) => installedVersion(peer, name) === version)) return undefined;
  const at = join(folder, peer);
  mkdirSync(at, { recursive: true });
  writeFileSync(join(at, "package.json"), `${JSON.stringify({ private: true, name: `bench-${peer}` })}\n`);
  const packages = wanted.map(([name, version]) => `${name}@${version}`);
  const npm = spawnSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--save-exact", ...packages], {
    cwd: at,
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  if (npm.status === 0) return undefined;
  return `npm could not install ${packages.join(" ")}: ${
    npm.error?.message ??
    npm.stderr
      .trim()
      .split("\n")
      .findLast(line => line.includes("error")) ??
    `exit code ${npm.status}`
  }`;
}

/** The installed package `name` as a module. `T` is the part of it that the caller uses. */
export async function load<T>(peer: NpmPeer, name: string, format: "module" | "commonjs" = "module"): Promise<T> {
  const require = createRequire(join(folder, peer, "package.json"));
  return format === "commonjs"
    ? (require(name) as T)
    : ((await import(pathToFileURL(join(folder, peer, "node_modules", name, entryOf(peer, name))).href)) as T); // an untyped import: `T` is written from the package's documentation
}

/** The file that an ES module import of the package would load. */
function entryOf(peer: NpmPeer, name: string): string {
  const manifest = JSON.parse(readFileSync(join(folder, peer, "node_modules", name, "package.json"), "utf8")) as {
    module?: string;
    main?: string;
  }; // npm wrote it
  return manifest.module ?? manifest.main ?? "index.js";
}
