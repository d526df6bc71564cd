// Atomic writes under faults: every call fails once, and the file is the old one or the new one, never a part, with no temporary file left.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PullbackError } from "../../../runtime/errors/error.ts";
import { writeAtomic, type FileSystem } from "../../../stdlib/io/atomic.ts";
import { crc32 } from "../../../stdlib/io/crc32.ts";
import { readFile, writeFileAtomic } from "../../../stdlib/io/node.ts";

/** A file system in memory that writes at most `chunk` bytes a call and fails at its `failAt`-th call. */
function memory(failAt: number, chunk = 3): { readonly fs: FileSystem; readonly files: Map<string, number[]>; readonly log: string[] } {
  const files = new Map<string, number[]>([["f", [1, 2, 3]]]),
    open = new Map<number, string>(),
    log: string[] = [];
  let calls = 0,
    next = 3;
  const step = (what: string): void => {
    log.push(what);
    if (++calls === failAt) throw new Error(`ENOSPC: ${what}`);
  };
  return {
    files,
    log,
    fs: {
      openSync(path, flags) {
        step(`open ${flags}`);
        if (flags === "wx") files.set(path, []);
        open.set(next, path);
        return next++;
      },
      writeSync(file, bytes, offset, length) {
        step("write");
        const n = Math.min(chunk, length);
        files.get(open.get(file) ?? "")?.push(...bytes.subarray(offset, offset + n));
        return n;
      },
      fsyncSync() {
        step("fsync");
      },
      closeSync(file) {
        step("close");
        open.delete(file);
      },
      renameSync(from, to) {
        step("rename");
        files.set(to, files.get(from) ?? []);
        files.delete(from);
      },
      unlinkSync(path) {
        step("unlink");
        files.delete(path);
      },
    },
  };
}

test("the contents are flushed before the name changes", () => {
  const { fs, files, log } = memory(Infinity);
  writeAtomic(fs, "f", Uint8Array.of(9, 8, 7, 6), ".", 1);
  assert.equal(files.get("f"), [9, 8, 7, 6]);
  assert.equal(log, ["open wx", "write", "write", "fsync", "close", "rename", "open r", "fsync", "close"]);
});

test("whichever call fails, the file is the old or the new one and nothing else is left", () => {
  for (let n = 1; n <= 9; n++) {
    const { fs, files } = memory(n);
    let error: unknown;
    try {
      writeAtomic(fs, "f", Uint8Array.of(9, 8, 7, 6), ".", 1);
    } catch (e) {
      error = e;
    }
    assert.equal([...files.keys()], ["f"], `call ${n}`);
    if (n <= 6) {
      assert.equal(files.get("f"), [1, 2, 3], `call ${n}`);
      assert.instance(error, PullbackError);
      assert.is((error as PullbackError).code, "E0905");
      assert.match((error as PullbackError).message, /cannot write f: ENOSPC/);
    } else {
      assert.equal(files.get("f"), [9, 8, 7, 6], `call ${n}`);
      assert.is(error, undefined, "a folder that cannot be flushed is no error: the rename has happened");
    }
  }
});

test("a file system that writes nothing is an error, not an endless loop", () => {
  const { fs } = memory(Infinity, 0);
  assert.throws(() => writeAtomic(fs, "f", Uint8Array.of(1), ".", 1), /wrote nothing/);
});

test("real files are written, replaced and read", () => {
  const folder = mkdtempSync(join(tmpdir(), "pullback-io-"));
  try {
    const path = join(folder, "weights.safetensors");
    writeFileAtomic(path, Uint8Array.of(1, 2));
    writeFileAtomic(path, Uint8Array.of(3));
    assert.equal([...readFileSync(path)], [3]);
    assert.equal([...readFile(path)], [3]);
    assert.equal(readdirSync(folder), ["weights.safetensors"]);
    assert.throws(
      () => readFile(join(folder, "none")),
      (e: unknown) => e instanceof PullbackError && e.code === "E0905",
    );
    assert.throws(
      () => writeFileAtomic(join(folder, "no", "f"), Uint8Array.of(1)),
      (e: unknown) => e instanceof PullbackError && e.code === "E0905",
    );
    assert.not(existsSync(join(folder, "no")));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("crc32 has its published check value at every length of tail", () => {
  assert.is(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
  assert.is(crc32(new Uint8Array(0)), 0);
  assert.is(crc32(new TextEncoder().encode("a")), 0xe8b7be43);
  assert.is(crc32(new TextEncoder().encode("abc")), 0x352441c2);
  assert.is(crc32(new TextEncoder().encode("message digest")), 0x20159d7f);
});

test.run();
