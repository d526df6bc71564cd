import { test } from "uvu";
import * as assert from "uvu/assert";
import { encodeSafetensors } from "../../stdlib/io/index.ts";
import { CheckpointError, type Keep } from "../../examples/09-gpt/checkpoint.ts";
import { trainBatch, type Batch } from "../../examples/09-gpt/batches.ts";
import { defaults, type Config, type Method, type Summary } from "../../examples/09-gpt/config.ts";
import { loadCorpus, runExperiment, validationBatches, type Corpus, type Display, type Learner } from "../../examples/09-gpt/experiment.ts";
import { buildTokenizer, encode } from "../../examples/09-gpt/tokenizer.ts";

const letters = "abcdefghijklmnopqrstuvwxyz".repeat(20);
const tokenizer = buildTokenizer(letters);
const corpus: Corpus = {
  tokenizer,
  train: encode(tokenizer, letters),
  heldOut: encode(tokenizer, letters.slice(0, 100)),
  after1980: encode(tokenizer, letters.slice(50)),
};
const config: Config = { ...defaults, steps: 12, context: 8, batch: 2, sample: "ab", methods: ["adamw", "fsam"] };

/** A learner that only writes down what it is asked. Its loss is 10/step. */
interface Log {
  readonly method: Method;
  readonly saved: Uint8Array | undefined;
  readonly batches: Batch[];
  evaluated: number;
  readonly sharpness: Batch[];
  disposed: number;
}
function recorder(onStep: (step: number) => void = () => {}): { learner: Learner; seen: Log[] } {
  const seen: Log[] = [];
  const start: Learner["start"] = (method, saved) => {
    const log: Log = { method, saved, batches: [], evaluated: 0, sharpness: [], disposed: 0 };
    seen.push(log);
    return {
      step: async (batch, step) => {
        log.batches.push(batch);
        onStep(step);
        return 10 / step;
      },
      evaluate: async () => {
        log.evaluated++;
        return log.batches.length;
      },
      save: async metadata => encodeSafetensors({ tensors: new Map(), metadata: new Map(Object.entries(metadata)) }),
      sharpness: async batch => {
        log.sharpness.push(batch);
        return { lambdaMax: 3, logitShare: 0.75, functionalShare: 0.25 };
      },
      sample: async prompt => prompt.map(id => id + 2),
      dispose: () => {
        log.disposed++;
      },
    };
  };
  return { learner: { parameters: 7, start }, seen };
}

function screen(): { display: Display; lines: string[] } {
  const lines: string[] = [];
  return {
    lines,
    display: {
      start: method => ({
        update: step => {
          lines.push(`${method} ${step}`);
        },
        stop: () => {
          lines.push(`${method} stop`);
        },
      }),
      note: text => {
        lines.push(text);
      },
    },
  };
}

test("every method takes the same batches, those of (seed, step)", async () => {
  const { learner, seen } = recorder();
  await runExperiment(config, corpus, learner, screen().display, new AbortController().signal);
  assert.equal(
    seen.map(log => log.method),
    ["adamw", "fsam"],
  );
  assert.equal(seen[0]?.batches, seen[1]?.batches);
  assert.equal(
    seen[0]?.batches,
    Array.from({ length: 12 }, (_, i) => trainBatch(corpus.train, config, { seed: 0, step: i + 1 })),
  );
});

test("a whole run has every loss, six evaluations of both sets, curvature on a batch nobody trains on, a sample, and gives its memory back", async () => {
  const { learner, seen } = recorder();
  const { display, lines } = screen();
  const { results, interrupted, parameters, vocabulary, characters } = await runExperiment(
    config,
    corpus,
    learner,
    display,
    new AbortController().signal,
  );
  assert.equal([interrupted, parameters, vocabulary, characters], [false, 7, 27, { train: 520, heldOut: 100, after1980: 470 }]);
  for (const [i, result] of results.entries()) {
    assert.equal(
      result.train,
      Array.from({ length: 12 }, (_, s) => ({ step: s + 1, loss: 10 / (s + 1) })),
    );
    assert.equal(
      result.validation,
      [2, 4, 6, 8, 10, 12].map(step => ({ step, heldOut: step, after1980: step })),
    );
    assert.is(seen[i]?.evaluated, 6 * 2 * validationBatches);
    assert.equal(seen[i]?.sharpness, [trainBatch(corpus.train, config, { seed: 0, step: 0 })]);
    assert.is(result.sample, "abcd");
    assert.ok(result.msPerStep !== undefined && result.msPerStep >= 0);
    assert.is(seen[i]?.disposed, 1);
  }
  assert.ok(lines.includes("AdamW writes: abcd"));
});

test("a run shorter than six steps is evaluated after each, the last included", async () => {
  const { learner } = recorder();
  const { results } = await runExperiment({ ...config, steps: 1 }, corpus, learner, screen().display, new AbortController().signal);
  assert.equal(
    results.map(result => result.validation.map(point => point.step)),
    [[1], [1]],
  );
  assert.equal(
    results.map(result => result.msPerStep),
    [undefined, undefined],
  );
});

test("an interruption ends the step under way, keeps what there is, and starts nothing else", async () => {
  const controller = new AbortController();
  const { learner, seen } = recorder(step => {
    if (step === 5) controller.abort();
  });
  const { display, lines } = screen();
  const { results, interrupted } = await runExperiment(config, corpus, learner, display, controller.signal);
  assert.ok(interrupted);
  assert.is(results.length, 1);
  assert.is(results[0]?.train.length, 5);
  assert.equal(
    results[0]?.validation.map(point => point.step),
    [2, 4],
  );
  assert.equal([results[0]?.sharpness, results[0]?.sample], [undefined, undefined]);
  assert.equal(
    seen.map(log => log.disposed),
    [1],
  );
  assert.ok(lines.includes("adamw stop"));
});

/** A checkpoint in memory. */
function memory(every: number): Keep & { bytes: Uint8Array | undefined } {
  return {
    every,
    bytes: undefined,
    read() {
      return this.bytes;
    },
    write(bytes) {
      this.bytes = bytes;
    },
  };
}
test("an experiment that is interrupted wherever, and goes on from its checkpoint, steps through the same batches to the same curves", async () => {
  const never = new AbortController().signal;
  const curves = ({ results }: Summary): unknown =>
    results.map(({ method, train, validation, sharpness, sample }) => [method, train, validation.map(v => v.step), sharpness, sample]);
  const whole = recorder(),
    want = await runExperiment(config, corpus, whole.learner, screen().display, never);
  for (const at of [1, 2, 6, 12, 13, 24]) {
    const keep = memory(5),
      controller = new AbortController();
    let steps = 0;
    const first = recorder(() => {
      if (++steps === at) controller.abort();
    });
    const before = await runExperiment(config, corpus, first.learner, screen().display, controller.signal, keep);
    assert.ok(before.interrupted);
    const second = recorder(),
      { display, lines } = screen();
    const after = await runExperiment(config, corpus, second.learner, display, never, keep);
    assert.equal(curves(after), curves(want), `at ${at}`);
    assert.equal(
      [...first.seen, ...second.seen].flatMap(log => log.batches),
      whole.seen.flatMap(log => log.batches),
      `at ${at}`,
    );
    assert.ok(second.seen[0]?.saved);
    assert.ok(lines.includes(`${at > 12 ? "Functional-SAM" : "AdamW"} goes on after step ${at > 12 ? at - 12 : at}`));
    assert.equal(
      curves(await runExperiment(config, corpus, recorder().learner, screen().display, never, keep)),
      curves(want),
      "all is done",
    );
  }
});
test("an experiment that fails goes on from its last checkpoint; a loss that is no number is kept", async () => {
  const keep = memory(4),
    never = new AbortController().signal;
  const broken = recorder(step => {
    if (step === 11) throw new Error("gone");
  });
  const { start } = broken.learner;
  const learner: Learner = { ...broken.learner, start: (m, saved) => ({ ...start(m, saved), evaluate: async () => NaN }) };
  await runExperiment(config, corpus, learner, screen().display, never, keep).then(
    () => assert.unreachable(),
    () => undefined,
  );
  const { learner: next, seen } = recorder();
  const { results } = await runExperiment(config, corpus, next, screen().display, never, keep);
  assert.is(seen[0]?.batches.length, 4, "from step 8");
  assert.is(results[0]?.train.length, 12);
  assert.equal(
    results[0]?.validation.map(v => v.heldOut),
    [NaN, NaN, NaN, NaN, 2, 4],
  );
});
test("a checkpoint of another experiment is refused with both facts, and nothing is trained", async () => {
  const keep = memory(1),
    never = new AbortController().signal;
  await runExperiment(config, corpus, recorder().learner, screen().display, never, keep);
  const { learner, seen } = recorder();
  const error = await runExperiment({ ...config, lr: 1 }, corpus, learner, screen().display, never, keep).catch((e: unknown) => e);
  assert.instance(error, CheckpointError);
  assert.is((error as Error).message, `it belongs to a run with lr ${config.lr}, this one has 1`); // an instance, as the line before has checked
  keep.bytes = encodeSafetensors({ tensors: new Map(), metadata: new Map() });
  assert.instance(await runExperiment(config, corpus, learner, screen().display, never, keep).catch((e: unknown) => e), CheckpointError);
  assert.is(seen.length, 0);
});

test("an interrupt that comes from the event loop gets in between steps", async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 0);
  const { learner } = recorder(step => {
    if (step === 2) for (const end = performance.now() + 5; performance.now() < end;);
  });
  const { results } = await runExperiment({ ...config, steps: 100_000 }, corpus, learner, screen().display, controller.signal);
  assert.ok((results[0]?.train.length ?? Infinity) < 100_000);
});

test("an empty prompt asks for no sample", async () => {
  const { results } = await runExperiment(
    { ...config, sample: "" },
    corpus,
    recorder().learner,
    screen().display,
    new AbortController().signal,
  );
  assert.equal(
    results.map(result => result.sample),
    [undefined, undefined],
  );
});

test("a learner that fails still gives its memory back and stops its display", async () => {
  const { learner, seen } = recorder(step => {
    if (step === 3) throw new Error("no memory");
  });
  const { display, lines } = screen();
  let message = "";
  await runExperiment(config, corpus, learner, display, new AbortController().signal).catch((error: unknown) => {
    message = String(error);
  });
  assert.is(message, "Error: no memory");
  assert.equal(
    seen.map(log => log.disposed),
    [1],
  );
  assert.is(lines.at(-1), "adamw stop");
});

test("the real corpus has these many characters in its three parts", () => {
  const { train, heldOut, after1980 } = loadCorpus();
  assert.equal([train.length, heldOut.length, after1980.length], [8_274_221, 913_978, 1_571_980]);
});

test.run();
