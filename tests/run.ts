// The test runner behind `npm test`: every step in order, test files in parallel processes, one line each, all steps even when one
// fails. The last line is `N passed, N failed`, with `, N skipped` when N > 0. Exit code 1 on a failure (with CI=true, on a skip), 2 on bad usage.
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { killAll, pool, runNode } from "./runner/process.ts";
import { plan, type Planned, type Selection } from "./runner/steps.ts";
import { none, outcome, plus, reasons, sentence, type Totals } from "./runner/totals.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

const usage = `usage: npm test -- [filter ...] [--only steps] [--jobs N] [--timeout SECONDS]
  filter      run only the test files whose path contains it
  --only      comma-separated steps: types, lint, architecture, unit, laws, backends, examples
  --jobs      test files at a time (default 2)
  --timeout   seconds for each file (default 300)`;

interface Settings extends Selection {
  readonly jobs: number;
  readonly timeout: number;
}

const settings = readSettings(process.argv.slice(2));
for (const [signal, number] of [
  ["SIGINT", 2],
  ["SIGTERM", 15],
  ["SIGHUP", 1],
] as const) {
  process.on(signal, () => {
    killAll();
    process.exit(128 + number);
  });
}

const chosen = plan(testFiles(), settings);
if (chosen.kind === "refused") refuse(chosen.message);
let all = none;
for (const planned of chosen.steps) {
  const start = performance.now();
  console.log(`\n${planned.step.name}`);
  const totals = await runStep(planned);
  console.log(`${planned.step.name}: ${time((performance.now() - start) / 1000)}, ${sentence(totals)}`);
  all = plus(all, totals);
}
if (all.passed + all.failed + all.skipped === 0) {
  console.log("\nno test was found: that is a failure");
  all = { ...none, failed: 1 };
}
const strict = process.env["CI"] === "true";
if (strict && all.skipped > 0) console.log("\nCI=true: a skipped test is a failure");
console.log(`\n${sentence(all)}`);
process.exitCode = all.failed > 0 || (strict && all.skipped > 0) ? 1 : 0;

/** Runs one step and prints a line for each file or command, with its whole output when it failed. */
async function runStep({ step, files }: Planned): Promise<Totals> {
  let totals = none;
  switch (step.kind) {
    case "commands":
      for (const { label, script, args } of step.commands) {
        const { output, ending, seconds } = await runNode({ argv: [script, ...args], cwd: root, timeout: settings.timeout });
        const ok = ending.kind === "exit" && ending.code === 0;
        report(ok, label, seconds, ok ? "" : ending.kind === "timeout" ? `did not end within ${ending.seconds} s` : "", output);
        totals = plus(totals, ok ? { ...none, passed: 1 } : { ...none, failed: 1 });
      }
      return totals;
    case "files":
      if (files.length === 0) {
        console.log(`  FAILED  no test file belongs to this step: ${step.match.map(String).join(", ")}`);
        return { ...none, failed: 1 };
      }
      await pool(files, settings.jobs, async file => {
        const { output, stdout, ending, seconds } = await runNode({
          argv: ["--import", "tsx", "--conditions=source", file],
          cwd: root,
          timeout: settings.timeout,
        });
        const result = outcome(stdout, ending);
        report(
          result.failed === 0,
          file,
          seconds,
          [sentence(result), ...(result.trouble === undefined ? [] : [result.trouble])].join("; "),
          output,
        );
        if (result.failed === 0) for (const reason of reasons(stdout)) console.log(`          ${reason}`);
        totals = plus(totals, result);
      });
      return totals;
    default:
      throw new Error(`unknown step ${JSON.stringify(step satisfies never)}`);
  }
}

function report(ok: boolean, what: string, seconds: number, detail: string, output: string): void {
  console.log(`  ${ok ? "ok    " : "FAILED"}  ${what}  ${time(seconds)}${detail === "" ? "" : `  ${detail}`}`);
  if (!ok) console.log(output.trimEnd().replaceAll(/^/gm, "    "));
}

/** Every test file under tests/, sorted, relative to the root with forward slashes. */
function testFiles(): readonly string[] {
  return readdirSync(new URL(".", import.meta.url), { recursive: true, encoding: "utf8" })
    .map(path => `tests/${path.replaceAll("\\", "/")}`)
    .filter(path => path.endsWith(".test.ts"))
    .toSorted();
}

function readSettings(argv: readonly string[]): Settings {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        only: { type: "string", default: "" },
        jobs: { type: "string", default: String(Math.min(2, availableParallelism())) },
        timeout: { type: "string", default: "300" },
        help: { type: "boolean" },
      },
    });
    if (values.help === true) {
      console.log(usage);
      process.exit(0);
    }
    return {
      filters: positionals,
      only: values.only.split(",").filter(name => name !== ""),
      jobs: count("--jobs", values.jobs),
      timeout: count("--timeout", values.timeout),
    };
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function count(flag: string, text: string): number {
  const value = Number(text);
  return Number.isInteger(value) && value > 0 ? value : refuse(`${flag} takes a whole number above 0, got "${text}"`);
}

function refuse(message: string): never {
  console.error(`${message}\n\n${usage}`);
  process.exit(2);
}

function time(seconds: number): string {
  return `${seconds.toFixed(1)} s`;
}
