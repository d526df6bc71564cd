// The repository's files, as the architecture test sees them: what git tracks or would, or, without git, all but what is generated.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Text } from "./content.ts";

const root = new URL("../../", import.meta.url);
const generated = /(?:^|\/)(?:node_modules|dist|\.cache|\.git)\/|\.tgz$/;

/** Every text file, path relative to the root with forward slashes, sorted. Files with a zero byte are taken for binary and left out. */
export function repositoryTexts(): readonly Text[] {
  return paths()
    .filter(path => !generated.test(path))
    .toSorted()
    .flatMap(path => {
      const bytes = readFileSync(new URL(path, root));
      return bytes.includes(0) ? [] : [{ path, text: bytes.toString("utf8") }];
    });
}

/** The package's own names, from the `source` condition of its exports. */
export function selfNames(): Readonly<Record<string, string>> {
  const { name, exports } = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as {
    name: string;
    exports: Record<string, { source: string }>;
  }; // our own file
  return Object.fromEntries(Object.entries(exports).map(([entry, { source }]) => [name + entry.slice(1), source.slice(2)]));
}

function paths(): readonly string[] {
  if (existsSync(new URL(".git", root))) {
    try {
      const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
        cwd: fileURLToPath(root),
        encoding: "utf8",
        maxBuffer: 2 ** 26,
        stdio: ["ignore", "pipe", "ignore"],
      });
      return listed.split("\0").filter(path => path !== "" && existsSync(new URL(path, root)));
    } catch {
      /* git is not installed, or does not trust the folder: walk */
    }
  }
  return walk("");
}

function walk(folder: string): string[] {
  return readdirSync(new URL(folder === "" ? "." : folder, root), { withFileTypes: true }).flatMap(entry => {
    const path = folder + entry.name;
    if (entry.isDirectory()) return generated.test(`${path}/`) ? [] : walk(`${path}/`);
    return entry.isFile() ? [path] : [];
  });
}
