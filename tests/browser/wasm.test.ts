// The Wasm device in a real browser: with threads where the page is isolated, on one thread and with one warning where it is not, under a strict
// Content-Security-Policy, and everywhere with Node's bits.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { wasm } from "../../stdlib/index.ts";
import { pageTests, type PageRun } from "./harness.ts";
import { digests } from "../support/bits.ts";

const strict = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src blob:; img-src data:";
interface Facts {
  readonly isolated: boolean;
  readonly device: string;
  readonly cores: number;
}
/** A value that the page has given; the page's code is its type. */
const given = <T>(run: PageRun, name: string): T => run.values.get(name) as T;

const inNode = await digests(wasm({ threads: 1 })),
  bits = await pageTests("tests/browser/wasm.page.ts", {
    isolated: { isolated: true },
    "not isolated": {},
    "isolated, strict CSP": { isolated: true, csp: strict },
  });
for (const [name, run] of bits) {
  const threads = name !== "not isolated";
  test(`${name}: the device has ${threads ? "threads, and queues its calls" : "one thread, and says so once"}`, () => {
    const { isolated, device, cores } = given<Facts>(run, "page");
    assert.is(isolated, threads);
    const count = threads ? Math.min(cores, 8) : 1;
    assert.match(device, `wasm (${count} thread${count === 1 ? "" : "s"}, fma${threads ? ", async" : ""})`);
    const warnings = run.console.filter(line => line.startsWith("warning:"));
    assert.is(warnings.length, threads || cores === 1 ? 0 : 1, run.console.join("\n"));
    for (const w of warnings)
      assert.match(
        w,
        /pullback: WebAssembly runs on 1 thread instead of \d+, with the same results: the page is not cross-origin isolated; serve it with Cross-Origin-Opener-Policy/,
      );
  });
  test(`${name}: the bits are Node's, with one thread or more`, () => {
    for (const device of ["default", "one"]) assert.equal(given(run, device), inNode, device);
  });
}

const life = await pageTests("tests/browser/wasm-life.page.ts", { isolated: { isolated: true }, "not isolated": {} });
for (const [name, run] of life)
  if (name === "isolated")
    test("isolated: a call takes the main thread a fraction of the work's time", () => {
      const { returned, done, ticks } = given<{ returned: number; done: number; ticks: number }>(run, "call");
      assert.ok(returned < done / 4, `returned after ${returned} ms of ${done}`);
      assert.ok(ticks > 2, `${ticks} ticks`);
    });

const workers = await pageTests("tests/browser/wasm-worker.page.ts", { "isolated worker": { isolated: true }, "worker, not isolated": {} });
for (const [name, run] of workers)
  test(`${name}: the devices and the bits`, () => {
    const { names, digests: each } = given<{ names: readonly string[]; digests: readonly unknown[] }>(run, "report");
    const isolated = name === "isolated worker";
    assert.match(names[0] ?? "", isolated ? /^wasm \(\d threads?, fma\)$/ : /^wasm \(1 thread, fma\)$/);
    assert.match(names[1] ?? "", isolated ? /^wasm \(\d threads?, fma, async\)$/ : /^wasm \(1 thread, fma\)$/);
    for (const one of each) assert.equal(one, inNode);
  });

const blocked = await pageTests("tests/browser/wasm-blocked.page.ts", {
  "a CSP without workers": { isolated: true, csp: strict.replace("worker-src blob:; ", "") },
});
test("where the page forbids the worker, the console says that it did", () => {
  for (const run of blocked.values())
    assert.ok(
      run.console.some(line => line.includes("Content Security Policy")),
      run.console.join("\n"),
    );
});

await pageTests("tests/browser/wasm-forbidden.page.ts", {
  "a CSP without WebAssembly": { csp: strict.replace(" 'wasm-unsafe-eval'", "") },
  "a CSP without WebAssembly, isolated": { isolated: true, csp: strict.replace(" 'wasm-unsafe-eval'", "") },
});

test.run();
