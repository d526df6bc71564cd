// The Wasm device in Deno: its sources run there as they are, and give Node's bits.
import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { wasm } from "../../stdlib/index.ts";
import { digests } from "../support/bits.ts";
import { deno } from "../support/drivers.ts";
import { withDrivers } from "../support/skip.ts";

const program = fileURLToPath(new URL("deno.ts", import.meta.url));

withDrivers([deno()])(
  "Deno gives the bits of Node: on one thread, on two, queued for another, and with paired vectors",
  async (path = "") => {
    const { stdout } = await promisify(execFile)(
      path,
      ["run", "--no-check", "--no-remote", "--allow-all", "--conditions=source", program],
      { env: { ...process.env, DENO_DIR: join(tmpdir(), "pullback-deno"), DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" } },
    );
    const lines = stdout
      .trim()
      .split("\n")
      .map(line => JSON.parse(line) as [string, unknown]); // what deno.ts prints
    assert.equal(
      lines.map(([name]) => name),
      ["wasm (1 thread, fma)", "wasm (2 threads, fma)", "wasm (2 threads, fma, async)", "wasm (1 thread, fma, wide)"],
    );
    const want = await digests(wasm({ threads: 1 }));
    for (const [name, got] of lines) assert.equal(got, want, name);
  },
);
test.run();
