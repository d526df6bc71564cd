// Under Node's loader a model and its compiled self stand side by side: the same bits, wherever the launcher is the first to compile.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";

const run = promisify(execFile);
const root = new URL("../../../../", import.meta.url);
const program = `import { array } from "pullback";
import { openDevice, wasm } from "pullback/compiled";
import * as tree from "pullback/tree";
import * as ahead from "../mlp.ts?compiled";
await openDevice(wasm);
const x = Float32Array.from({ length: 128 }, (_, i) => Math.cos(3 * i)), labels = Int32Array.from({ length: 64 }, (_, i) => i % 3);
const start = await ahead.init();
const ours = await ahead.step(start.params, start.state, x, labels, 1);
const jit = await import("../mlp.ts");
const { params, state } = jit.init();
const theirs = jit.step(params, state, array(x).reshape([64, 2]), array(labels, { dtype: "i32" }), 1);
const bits = a => [...new Uint32Array(a.slice().buffer)].join();
const all = await Promise.all(tree.leaves(ours).map(async t => bits(await t.data())));
console.log(all.join() === tree.leaves(theirs).map(t => bits(t.dataSync())).join(), all.length);
await ahead.step(start.params, start.state, x, labels, 1).catch(e => console.log(e.message.split("\\n")[0]));
await import("../mlp.ts?compiled=loss").catch(e => console.log(e.message.split("\\n")[0].replace(/^.*\\//, "")));
`;

test("a compiled step has the JIT's bits, its arguments are gone, and what cannot be compiled is refused as it is imported", async () => {
  const folder = mkdtempSync(join(fileURLToPath(new URL(".", import.meta.url)), "loaded-"));
  try {
    const file = join(folder, "both.mjs");
    writeFileSync(file, program);
    const { stdout } = await run(
      process.execPath,
      [
        "--import",
        import.meta.resolve("tsx"),
        "--conditions=source",
        "--import",
        new URL("compiler/frontend/register.ts", root).href,
        file,
      ],
      { cwd: fileURLToPath(root) },
    );
    assert.equal(stdout.split("\n"), [
      "true 8",
      "E0701: a tensor f32[2,32] is used after it was disposed or donated",
      "mlp.ts:1:1 - error E1142: it exports no function loss",
      "",
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
test.run();
