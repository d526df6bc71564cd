// Makes a fresh clone runnable: installs exactly what package-lock.json says, when node_modules does not already hold it.
// Plain JavaScript on Node alone, since nothing is installed yet. It never changes the lock file.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The repository root. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/** Arguments that let Node run a TypeScript file of this repository from its sources. Absolute, so that any directory will do. */
export const nodeArguments = ["--import", pathToFileURL(join(root, "node_modules/tsx/dist/loader.mjs")).href, "--conditions=source"];

/** @typedef {{ version?: string, link?: boolean, optional?: boolean, os?: string[], cpu?: string[], libc?: string[] }} LockEntry */
/** @typedef {{ packages?: Record<string, LockEntry> }} Lock */

/** @param {string} file @returns {Lock | undefined} */
function readLock(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/** @param {string[] | undefined} allowed @param {string} actual */
const fits = (allowed, actual) => allowed === undefined || allowed.includes(actual);

/**
 * The first way in which an installation differs from the lock file, in words; undefined when they agree. Contents are
 * compared, not times: a checkout touches times. An optional package may be missing unless it is made for this platform.
 * @param {Lock | undefined} lock @param {Lock | undefined} installed @param {{ platform: string, arch: string }} machine
 */
export function difference(lock, installed, machine) {
  if (lock?.packages === undefined) return "package-lock.json cannot be read";
  if (installed?.packages === undefined) return "nothing is installed yet";
  for (const [path, wanted] of Object.entries(lock.packages)) {
    if (path === "") continue;
    const found = installed.packages[path];
    const mayMiss =
      wanted.optional === true &&
      (wanted.libc !== undefined || wanted.os === undefined || !fits(wanted.os, machine.platform) || !fits(wanted.cpu, machine.arch));
    if (found === undefined ? !mayMiss : found.version !== wanted.version) {
      return `${path} is ${found?.version ?? "missing"}, the lock file says ${wanted.version}`;
    }
  }
  for (const path of Object.keys(installed.packages)) {
    if (!(path in lock.packages)) return `${path} is installed, the lock file does not name it`;
  }
  return undefined;
}

/** Installs if need be; ends the process with a remedy when that cannot work. Says nothing when there is nothing to do. */
export function setUp() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 6)) {
    console.error(
      `pullback needs Node 20.6 or newer to run from its sources; this is Node ${process.versions.node}. Install a newer Node and run the command again.`,
    );
    process.exit(1);
  }
  const why = difference(readLock(join(root, "package-lock.json")), readLock(join(root, "node_modules/.package-lock.json")), {
    platform: process.platform,
    arch: process.arch,
  });
  if (why === undefined) return;
  console.log(`setup: npm ci (${why})`);
  const npm = spawnSync("npm", ["ci", "--ignore-scripts", "--include=dev", "--no-audit", "--no-fund"], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
  if (npm.status !== 0) {
    console.error(
      `setup: npm ci failed${npm.error ? ` (${npm.error.message})` : ""}. It needs npm on the PATH and a registry it can reach; fix that and run the command again.`,
    );
    process.exit(1);
  }
}
