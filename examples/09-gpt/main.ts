// npm start: trains a small GPT on the State of the Union speeches with AdamW, SAM and Functional-SAM, and shows what each does to sharpness.
import process from "node:process";
import { device, setDefaultDevice } from "pullback";
import { runProgram } from "./program.ts";
import { createLearner } from "./train.ts";

const stop = new AbortController();
process.on("SIGINT", () => {
  if (stop.signal.aborted) process.exit(130); // the second Ctrl-C does not wait for the step under way
  stop.abort();
});
process.exitCode = await runProgram({
  argv: process.argv.slice(2),
  stdout: process.stdout,
  stderr: process.stderr,
  signal: stop.signal,
  createLearner: async (config, vocabulary) => {
    setDefaultDevice(await device(config.device)); // E0703 says why where there is none: nothing else is used instead
    return createLearner(config, vocabulary);
  },
});
