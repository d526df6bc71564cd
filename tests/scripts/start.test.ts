// `npm start`: the program gets its arguments, one signal is one signal, and its exit status is the command's.
import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";

const script = fileURLToPath(new URL("../../scripts/start.mjs", import.meta.url));

/** Starts the interruptible program and calls `act` with the process once it is ready. */
function run(
  args: readonly string[],
  act: (kill: (signal: NodeJS.Signals) => void) => void,
): Promise<{ output: string; code: number | null }> {
  return new Promise(resolve => {
    const child = spawn(process.execPath, [script, "tests/scripts/interruptible.ts", ...args], { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      if (output === "") act(signal => child.kill(signal));
      output += text;
    });
    child.on("close", code => resolve({ output, code }));
  });
}

test("arguments arrive, and an interrupt delivered several times at once is one", async () => {
  const { output, code } = await run(["--steps", "5"], kill => {
    for (let i = 0; i < 3; i++) setTimeout(() => kill("SIGINT"), i * 50);
  });
  assert.is(output, `ready ["--steps","5"]\ninterrupts: 1\n`);
  assert.is(code, 130);
});
test("a second interrupt, later, is a second one", async () => {
  const { output } = await run([], kill => {
    kill("SIGINT");
    setTimeout(() => kill("SIGINT"), 500);
  });
  assert.is(output, "ready []\ninterrupts: 2\n");
});
test("a signal that ends the program gives the status a shell would", async () => {
  const { code } = await run([], kill => kill("SIGTERM"));
  assert.is(code, 143);
});
test("a program that is not there is refused", () => {
  const { status, stderr } = spawnSync(process.execPath, [script, "examples/nowhere.ts"], { encoding: "utf8" });
  assert.equal([status, stderr], [2, "start: there is no examples/nowhere.ts\n"]);
});

test.run();
