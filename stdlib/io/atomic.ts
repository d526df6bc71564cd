// Files that are whole or absent: write beside the target, flush to the disk, rename over it. Whoever reads the path finds the old contents or the
// new, also after a crash at any point. It needs Node's file system and says so where there is none.
import { PullbackError } from "../../runtime/errors/error.ts";

/** The calls of node:fs that an atomic write makes. */
export interface FileSystem {
  openSync(path: string, flags: string): number;
  writeSync(file: number, bytes: Uint8Array, offset: number, length: number): number;
  fsyncSync(file: number): void;
  closeSync(file: number): void;
  renameSync(from: string, to: string): void;
  unlinkSync(path: string): void;
}

let serial = 0; // makes temporary names differ within the process

/** Replace the file at `path` by `bytes`, all or nothing. `folder` is the one to flush, so that the new name survives a power cut.
 *  @throws E0905 when any step fails: the file at `path` is then as it was, the temporary one is removed */
export function writeAtomic(fs: FileSystem, path: string, bytes: Uint8Array, folder: string, owner: number): void {
  const temporary = `${path}.${owner}.${serial++}.tmp`;
  let file: number | undefined;
  try {
    file = fs.openSync(temporary, "wx");
    for (let done = 0; done < bytes.length;) {
      const written = fs.writeSync(file, bytes, done, bytes.length - done);
      if (written <= 0) throw new Error("the file system wrote nothing");
      done += written;
    }
    fs.fsyncSync(file);
    const closing = file;
    file = undefined;
    fs.closeSync(closing);
    fs.renameSync(temporary, path);
  } catch (error) {
    if (file !== undefined) attempt(() => fs.closeSync(file as number)); // defined: just tested
    attempt(() => fs.unlinkSync(temporary));
    throw new PullbackError("E0905", `cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`, {
      help: "the file is as it was before; check the folder, its permissions and the free space",
      cause: error,
    });
  }
  attempt(() => {
    // a folder cannot be flushed everywhere (Windows); the rename itself has succeeded
    const handle = fs.openSync(folder, "r");
    try {
      fs.fsyncSync(handle);
    } finally {
      fs.closeSync(handle);
    }
  });
}

function attempt(f: () => void): void {
  try {
    f();
  } catch {
    /* cleaning up: the first error is the one to report */
  }
}
