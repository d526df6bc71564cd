// `npm test`: set-up, then tests/run.ts with the user's arguments. Everything that needs an installed package is there.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { setUpDebian } from "./debian.mjs";
import { nodeArguments, root, setUp } from "./setup.mjs";

setUp();
const only = process.argv[process.argv.indexOf("--only") + 1];
if (!process.argv.includes("--only") || !/^(types|lint|architecture|,)*$/.test(only ?? "")) setUpDebian(); // those steps run nothing but Node
const child = spawn(process.execPath, [...nodeArguments, join(root, "tests/run.ts"), ...process.argv.slice(2)], {
  cwd: root,
  stdio: ["ignore", "inherit", "inherit"],
});
for (const name of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.on(name, () => child.kill(name));
child.on("error", error => {
  console.error(`test: the runner could not be started: ${error.message}`);
  process.exitCode = 1;
});
child.on("exit", code => {
  process.exit(code ?? 1);
});
