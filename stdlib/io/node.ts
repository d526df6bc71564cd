// Files, where there is a file system: Node, Deno, Bun. Importing this is safe anywhere; calling it elsewhere is an error that says so.
import { PullbackError } from "../../runtime/errors/error.ts";
import { writeAtomic } from "./atomic.ts";

/** Write `bytes` to the file at `path` so that a reader finds the old contents or the new, never a part: temporary file, flush, rename.
 *  @throws E0905 when the file cannot be written (it is then unchanged) or there is no file system */
export function writeFileAtomic(path: string, bytes: Uint8Array): void {
  const { fs, dirname } = files(path);
  writeAtomic(fs, path, bytes, dirname(path), process.pid);
}

/** The bytes of the file at `path`. @throws E0905 when it cannot be read or there is no file system */
export function readFile(path: string): Uint8Array {
  const { fs } = files(path);
  try {
    return fs.readFileSync(path);
  } catch (error) {
    throw new PullbackError("E0905", `cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`, {
      help: "check the path and its permissions",
      cause: error,
    });
  }
}

function files(path: string): { readonly fs: typeof import("node:fs"); readonly dirname: (path: string) => string } {
  if (typeof process === "undefined" || typeof process.getBuiltinModule !== "function") {
    throw new PullbackError("E0905", `there is no file system here to reach ${path}`, {
      help: "in a browser, fetch the bytes or offer them as a download: loadSafetensors and saveSafetensors work on bytes",
    });
  }
  return { fs: process.getBuiltinModule("node:fs"), dirname: process.getBuiltinModule("node:path").dirname };
}
