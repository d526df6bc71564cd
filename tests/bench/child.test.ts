import { test } from "uvu";
import * as assert from "uvu/assert";
import { childContender, type Command } from "../../bench/harness/child.ts";
import { Lost } from "../../bench/harness/contender.ts";
import { gemm } from "../../bench/work.ts";

const script = (body: string): Command => ({ file: process.execPath, args: ["-e", body] });
const echo = `
  console.log(JSON.stringify({ kind: "hello", title: "echo 1.0" }));
  console.log("a library's own chatter");
  let n = 0;
  require("readline").createInterface({ input: process.stdin }).on("line", line => {
    const { kind, times } = JSON.parse(line);
    if (kind === "prepare") console.log(JSON.stringify({ kind: "prepared", check: process.pid }));
    if (kind === "sample") console.log(JSON.stringify({ kind: "sampled", value: ++n * times }));
    if (kind === "release") { console.error("Error: out of ideas"); process.exit(3); }
  });`;
const message = async (action: Promise<unknown>): Promise<string> =>
  action.then(
    () => "no error",
    error => (assert.instance(error, Lost), error.message),
  );

test("a child is started at the first request, says its title and keeps its state", async () => {
  const child = childContender("echo", script(echo), 10_000);
  assert.is(child.title, undefined);
  const first = await child.ask({ kind: "prepare", work: gemm(2) });
  assert.is(child.title, "echo 1.0");
  assert.equal(await child.ask({ kind: "sample", times: 5 }), { kind: "sampled", value: 5 });
  assert.equal(await child.ask({ kind: "sample", times: 5 }), { kind: "sampled", value: 10 });
  child.restart();
  const second = await child.ask({ kind: "prepare", work: gemm(2) });
  assert.is.not(first.kind === "prepared" && first.check, second.kind === "prepared" && second.check);
  assert.equal(await child.ask({ kind: "sample", times: 5 }), { kind: "sampled", value: 5 });
  child.close();
});

test("a crash is told with what the child said last, and the next request starts it again", async () => {
  const child = childContender("echo", script(echo), 10_000);
  await child.ask({ kind: "prepare", work: gemm(2) });
  assert.is(await message(child.ask({ kind: "release" })), "Error: out of ideas (exit code 3)");
  assert.is((await child.ask({ kind: "prepare", work: gemm(2) })).kind, "prepared");
  child.close();
});

test("a program that is not there is told", async () => {
  const child = childContender("none", { file: "no-such-program-anywhere", args: [] }, 10_000);
  assert.match(await message(child.ask({ kind: "release" })), /ENOENT/);
});

test("a child that does not answer is given up", async () => {
  const child = childContender("mute", script("setTimeout(() => {}, 60000)"), 200);
  assert.is(await message(child.ask({ kind: "release" })), "no answer in 0.2 s");
});

test.run();
