// The program from arguments to exit code: configuration, corpus, experiment, table, report. What it writes to and how a model learns are given to it.
// It never ends the process and installs no signal handler.
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { DeviceLostError, PullbackError } from "pullback";
import { readFile, writeFileAtomic } from "pullback/io";
import { CheckpointError, type Keep } from "./checkpoint.ts";
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
  /** Makes the model that `config` describes, over an alphabet of `vocabulary` symbols; after the loss of a device, on another. */
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
    if (error instanceof CheckpointError) {
      stderr.write(`--checkpoint: ${error.message}; give the same flags as then, or another file\n`);
      return 2;
    }
    if (error instanceof DataError || isSystemError(error) || isOfTheMachine(error)) {
      stderr.write(`${error.message}\n`);
      return 1;
    }
    throw error;
  }
}

async function experiment(config: Config, { stdout, signal, createLearner }: Environment): Promise<Summary> {
  const corpus = loadCorpus();
  const vocabulary = corpus.tokenizer.symbols.length;
  let learner = await createLearner(config, vocabulary);
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
  const keep = config.checkpoint === "" ? undefined : keepIn(config.checkpoint, config.checkpointEvery);
  for (let written = 0; ;)
    try {
      return await runExperiment(config, corpus, learner, display, signal, keep);
    } catch (error) {
      if (!(error instanceof DeviceLostError) || keep === undefined || keep.written === written) throw error; // a device that is lost before it gets anywhere would be lost for ever
      ({ written } = keep);
      stdout.write(`${error.message}\na new device goes on from ${config.checkpoint}\n\n`);
      learner = await createLearner(config, vocabulary);
    }
}

/** A checkpoint in a file. `written`: how often it was. */
function keepIn(path: string, every: number): Keep & { written: number } {
  return {
    every,
    written: 0,
    read: () => (existsSync(path) ? readFile(path) : undefined),
    write(bytes) {
      writeFileAtomic(path, bytes);
      this.written++;
    },
  };
}

/** Finds out before the training, not after it, that the report has no place. */
function prepareReport(out: string): void {
  mkdirSync(dirname(out), { recursive: true });
  if (statSync(out, { throwIfNoEntry: false })?.isDirectory()) throw new UsageError(`--out ${out}: is a folder; give the name of a file`);
  writeFileSync(out, "", { flag: "a" });
}

/** No device, a lost one, a file that is torn, no place for a file. */
const isOfTheMachine = (error: unknown): error is PullbackError =>
  error instanceof PullbackError && ["E0703", "E0704", "E0901", "E0905"].includes(error.code);
const isSystemError = (error: unknown): error is NodeJS.ErrnoException => error instanceof Error && "syscall" in error;
const count = (n: number): string => n.toLocaleString("en");
