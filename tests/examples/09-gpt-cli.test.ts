import { test } from "uvu";
import * as assert from "uvu/assert";
import { help, parseCli, UsageError } from "../../examples/09-gpt/cli.ts";
import { defaults, type Config } from "../../examples/09-gpt/config.ts";

const config = (...argv: string[]): Config => {
  const command = parseCli(argv);
  if (command.kind !== "train") throw new Error(`expected a training run, got ${command.kind}`);
  return command.config;
};
const refusal = (...argv: string[]): string => {
  try {
    parseCli(argv);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error(`${argv.join(" ")} was accepted`);
};

test("no flags give the defaults", () => {
  assert.equal(config(), defaults);
});

test("every flag is read, with = or a space", () => {
  assert.equal(
    config(
      "--steps=5",
      "--layers",
      "1",
      "--dim",
      "32",
      "--heads",
      "2",
      "--context",
      "16",
      "--batch",
      "3",
      "--lr",
      "1e-3",
      "--rho",
      "0",
      "--seed",
      "4294967295",
      "--methods",
      "fsam,adamw",
      "--device",
      "wasm",
      "--out",
      "a b.html",
      "--checkpoint",
      "run.st",
      "--checkpoint-every",
      "7",
      "--sample",
      "--steps",
      "--sample-length",
      "9",
      "--temperature",
      "0.5",
    ),
    {
      steps: 5,
      layers: 1,
      dim: 32,
      heads: 2,
      context: 16,
      batch: 3,
      lr: 1e-3,
      rho: 0,
      seed: 4294967295,
      methods: ["fsam", "adamw"],
      device: "wasm",
      out: "a b.html",
      checkpoint: "run.st",
      checkpointEvery: 7,
      sample: "--steps",
      sampleLength: 9,
      temperature: 0.5,
    },
  );
});

test("the last of repeated flags counts", () => {
  assert.is(config("--steps", "5", "--steps", "6").steps, 6);
});

test("every device may be asked for: whether it is there is found out later", () => {
  for (const device of ["wasm", "webgpu", "cuda"]) assert.is(config("--device", device).device, device);
});

test("--help lists every flag with its default, wherever it stands", () => {
  for (const argv of [["--help"], ["-h"], ["--steps", "5", "--help"]]) assert.equal(parseCli(argv), { kind: "help", text: help() });
  for (const flag of [
    "steps",
    "layers",
    "dim",
    "heads",
    "context",
    "batch",
    "lr",
    "rho",
    "seed",
    "methods",
    "device",
    "out",
    "sample",
    "sample-length",
    "temperature",
    "help",
  ]) {
    assert.match(help(), new RegExp(`^  --${flag} `, "m"));
  }
  assert.match(help(), /--rho X .*\(default: 0\.05\)/);
  assert.ok(
    help()
      .split("\n")
      .every(line => line.length <= 120),
  );
});

test("errors name the flag, the value and what is allowed", () => {
  assert.is(refusal("--steps", "-5"), "--steps -5: must be a whole number from 1 to 1000000");
  assert.is(refusal("--steps", "1e3"), "--steps 1e3: must be a whole number from 1 to 1000000");
  assert.is(refusal("--batch", ""), '--batch "": must be a whole number from 1 to 4096');
  assert.is(refusal("--seed", "4294967296"), "--seed 4294967296: must be a whole number from 0 to 4294967295");
  assert.is(refusal("--lr", "0"), "--lr 0: must be a number above 0 and at most 1");
  assert.is(refusal("--rho", "NaN"), "--rho NaN: must be a number from 0 to 100");
  assert.is(refusal("--temperature", " "), '--temperature " ": must be a number from 0 to 100');
  assert.is(
    refusal("--methods", "sam,adam"),
    "--methods sam,adam: must be one or more of adamw, sam, fsam, pfsam, separated by commas, none twice",
  );
  assert.is(
    refusal("--methods", "sam,sam"),
    "--methods sam,sam: must be one or more of adamw, sam, fsam, pfsam, separated by commas, none twice",
  );
  assert.is(refusal("--out", ""), '--out "": must be a file name');
  assert.is(refusal("--device", "gpu"), "--device gpu: must be one of wasm, webgpu, cuda");
});

test("a flag whose value is missing is told so", () => {
  assert.is(refusal("--steps"), "--steps: needs a value, as in --steps N");
});

test("unknown flags and bare arguments are refused", () => {
  assert.is(refusal("--stepz=3"), "--stepz: no such flag; see --help");
  assert.is(refusal("-x"), "-x: no such flag; see --help");
  assert.is(refusal("train"), "train: arguments are given by flags; see --help");
});

test("a width that the heads do not divide is refused with widths near it", () => {
  assert.is(refusal("--dim", "65"), "--dim 65: must be a multiple of --heads 4, for example 64 or 68");
  assert.is(refusal("--heads", "5"), "--dim 64: must be a multiple of --heads 5, for example 60 or 65");
  assert.is(refusal("--dim", "3"), "--dim 3: must be a multiple of --heads 4, for example 4");
});

test.run();
