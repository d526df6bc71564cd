// The program from arguments to exit code: configuration, corpus, experiment, table, report. What it writes to and how a model learns are given to it.
// It never ends the process and installs no signal handler.
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { PullbackError } from "pullback";
import { parseCli, UsageError } from "./cli.ts";
import { methodTitle, type Config, type Summary } from "./config.ts";
import { DataError } from "./data.ts";
import { loadCorpus, runExperiment, type Display, type Learner } from "./experiment.ts";
import { startProgress } from "./progress.ts";
import { renderReport } from "./report.ts";
import { renderTable } from "./table.ts";
import { encode } from "./tokenizer.ts";

/** The program's surroundings. */
export interface Environment {
  /** Arguments after the program's name. */
  readonly argv: readonly string[];
  readonly stdout: NodeJS.WriteStream | NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** Aborts when the user interrupts. */
  readonly signal: AbortSignal;
  /** Makes the model that `config` describes, over an alphabet of `vocabulary` symbols. */
  createLearner(config: Config, vocabulary: number): Learner | Promise<Learner>;
}

/** 0 done, 1 the device, the corpus or the report's file failed, 2 the command line is wrong, 130 interrupted (after reporting). */
export type ExitCode = 0 | 1 | 2 | 130;

/** Runs the program. Errors of the user or of the corpus are written to stderr; any other error is a bug and is thrown. */
export async function runProgram(environment: Environment): Promise<ExitCode> {
  const { stdout, stderr } = environment;
  try {
    const command = parseCli(environment.argv);
    if (command.kind === "help") {
      stdout.write(command.text);
      return 0;
    }
    prepareReport(command.config.out);
    const summary = await experiment(command.config, environment);
    stdout.write(`\n${renderTable(summary)}`);
    writeFileSync(command.config.out, renderReport(summary));
    stdout.write(
      `${summary.interrupted ? "interrupted: the table and the report show what was done until then\n" : ""}report: ${command.config.out}\n`,
    );
    return summary.interrupted ? 130 : 0;
  } catch (error) {
    if (error instanceof UsageError) {
      stderr.write(`${error.message}\n`);
      return 2;
    }
    if (error instanceof DataError || isSystemError(error) || isUnavailable(error)) {
      stderr.write(`${error.message}\n`);
      return 1;
    }
    throw error;
  }
}

async function experiment(config: Config, { stdout, signal, createLearner }: Environment): Promise<Summary> {
  const corpus = loadCorpus();
  const vocabulary = corpus.tokenizer.symbols.length;
  const learner = await createLearner(config, vocabulary);
  stdout.write(
    [
      `State of the Union: ${count(corpus.train.length)} characters to train on, ${count(corpus.heldOut.length)} held out, ${count(corpus.after1980.length)} after 1980; ${vocabulary} symbols`,
      `GPT: ${config.layers} layers, width ${config.dim}, ${config.heads} heads, context ${config.context}, batch ${config.batch}: ${count(learner.parameters)} parameters, on ${config.device}`,
      `${config.steps} steps each of ${config.methods.map(method => methodTitle[method]).join(", ")}; seed ${config.seed}, rho ${config.rho}, peak learning rate ${config.lr}`,
      "",
      "",
    ].join("\n"),
  );
  const unknown = [...config.sample].filter(character => encode(corpus.tokenizer, character)[0] === 0);
  if (unknown.length > 0)
    stdout.write(
      `note: the training text has no ${[...new Set(unknown)].map(c => JSON.stringify(c)).join(", ")}; the prompt is read with a replacement symbol there\n\n`,
    );
  const width = Math.max(...config.methods.map(method => methodTitle[method].length));
  const display: Display = {
    start: method =>
      startProgress({
        stream: stdout,
        label: methodTitle[method].padEnd(width),
        total: config.steps,
        tokensPerStep: config.batch * config.context,
      }),
    note: text => {
      stdout.write(`${text}\n\n`);
    },
  };
  return runExperiment(config, corpus, learner, display, signal);
}

/** Finds out before the training, not after it, that the report has no place. */
function prepareReport(out: string): void {
  mkdirSync(dirname(out), { recursive: true });
  if (statSync(out, { throwIfNoEntry: false })?.isDirectory()) throw new UsageError(`--out ${out}: is a folder; give the name of a file`);
  writeFileSync(out, "", { flag: "a" });
}

const isUnavailable = (error: unknown): error is PullbackError => error instanceof PullbackError && error.code === "E0703";
const isSystemError = (error: unknown): error is NodeJS.ErrnoException => error instanceof Error && "syscall" in error;
const count = (n: number): string => n.toLocaleString("en");
