// Runs one TypeScript program of the repository as if it were the command itself: set-up first, then the program with the
// user's arguments, terminal and signals. Usage: node scripts/start.mjs <file.ts> [arguments].
// npm forwards a Ctrl-C that the terminal has also delivered, so a child in our process group would be interrupted two or
// three times and take that for impatience. The child has its own group, and each signal reaches it exactly once.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { nodeArguments, root, setUp } from "./setup.mjs";

/** Signals of the same kind closer together than this many milliseconds are one. */
const SAME = 400;

const [file, ...args] = process.argv.slice(2);
if (file === undefined || !existsSync(join(root, file))) {
  console.error(file === undefined ? "usage: node scripts/start.mjs <file.ts> [arguments]" : `start: there is no ${file}`);
  process.exit(2);
}
setUp();

const child = spawn(process.execPath, [...nodeArguments, join(root, file), ...args], { stdio: "inherit", detached: true });
const signal = (/** @type {NodeJS.Signals} */ name) => {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, name);
  } catch {
    /* the group has ended already */
  }
};

/** @type {Map<string, number>} */
const last = new Map();
for (const name of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"])) {
  process.on(name, () => {
    const now = performance.now();
    if (now - (last.get(name) ?? -Infinity) > SAME) signal(name);
    last.set(name, now);
  });
}
process.on("SIGTSTP", () => {
  signal("SIGSTOP");
  process.kill(process.pid, "SIGSTOP");
});
process.on("SIGCONT", () => signal("SIGCONT"));

child.on("error", error => {
  console.error(`start: ${file} could not be started: ${error.message}`);
  process.exitCode = 1;
});
child.on("exit", (code, by) => {
  process.exit(code ?? 128 + (by === null ? 1 : constants.signals[by]));
});
