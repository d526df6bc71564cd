import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fixedBatches, trainBatch } from "../../examples/09-gpt/batches.ts";

const text = Int32Array.from({ length: 1000 }, (_, i) => i); // a token is its place, so windows show where they start
const size = { batch: 4, context: 8 };
const starts = (tokens: Int32Array, length = 9): number[] =>
  Array.from({ length: tokens.length / length }, (_, row) => tokens[row * length] ?? -1);

test("a batch is B rows of T+1 consecutive tokens", () => {
  const { tokens, shape } = trainBatch(text, size, { seed: 1, step: 1 });
  assert.equal(shape, [4, 9]);
  for (const [row, start] of starts(tokens).entries()) {
    assert.equal(
      [...tokens.slice(row * 9, row * 9 + 9)],
      Array.from({ length: 9 }, (_, t) => start + t),
    );
  }
});

test("a batch depends on seed and step alone, whatever was asked before", () => {
  const once = trainBatch(text, size, { seed: 3, step: 7 }).tokens;
  for (let step = 0; step < 10; step++) trainBatch(text, size, { seed: 9, step });
  assert.equal(trainBatch(text, size, { seed: 3, step: 7 }).tokens, once);
  assert.not.equal(trainBatch(text, size, { seed: 3, step: 8 }).tokens, once);
  assert.not.equal(trainBatch(text, size, { seed: 4, step: 7 }).tokens, once);
});

test("the batches of seed 0 stay what they were, so results stay comparable", () => {
  assert.equal(
    [0, 1].map(step => starts(trainBatch(text, size, { seed: 0, step }).tokens)),
    [
      [7, 363, 366, 810],
      [217, 493, 833, 500],
    ],
  );
});

test("windows cover the text evenly, its first and last place included", () => {
  const counts = new Array<number>(10).fill(0);
  const short = text.subarray(0, 17); // nine places for a window of 8 + 1 tokens
  for (let step = 0; step < 500; step++) {
    for (const start of starts(trainBatch(short, size, { seed: 5, step }).tokens)) counts[start] = (counts[start] ?? 0) + 1;
  }
  assert.is(counts[9], 0);
  const expected = 2000 / 9;
  const chiSquared = counts.slice(0, 9).reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  assert.ok(chiSquared < 26.1, `chi squared ${chiSquared} with 8 degrees of freedom has probability below 0.001`);
});

test("any seed and step give windows inside the text", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), fc.nat(1_000_000), (seed, step) =>
      starts(trainBatch(text, size, { seed, step }).tokens).every(start => start >= 0 && start <= 991),
    ),
  );
});

test("validation batches are spread from the first window to the last and are always the same", () => {
  const batches = fixedBatches(text, size, 3);
  assert.equal(
    batches.map(batch => batch.shape),
    [
      [4, 9],
      [4, 9],
      [4, 9],
    ],
  );
  const places = batches.flatMap(batch => starts(batch.tokens));
  assert.is(places[0], 0);
  assert.is(places.at(-1), 991);
  const gaps = places.slice(1).map((place, i) => place - (places[i] ?? 0));
  assert.ok(Math.max(...gaps) - Math.min(...gaps) <= 1);
  assert.equal(fixedBatches(text, size, 3), batches);
});

test("a text shorter than one window is refused with both lengths", () => {
  assert.throws(
    () => trainBatch(text.subarray(0, 8), size, { seed: 0, step: 0 }),
    "a context of 8 needs a text of at least 9 characters, got 8",
  );
  assert.throws(() => fixedBatches(text.subarray(0, 8), size, 1), "a context of 8 needs a text of at least 9 characters, got 8");
  assert.equal(starts(trainBatch(text.subarray(0, 9), size, { seed: 0, step: 0 }).tokens), [0, 0, 0, 0]);
});

test.run();
