import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DataError, readSpeeches, splitByYear } from "../../examples/09-gpt/data.ts";

const speeches = readSpeeches();
const split = splitByYear(speeches);

test("the corpus is 233 speeches from 1790 to 2021 in order of time, with two in 1961 and none in 1933", () => {
  assert.is(speeches.length, 233);
  const years = speeches.map(speech => speech.year);
  assert.is(years[0], 1790);
  assert.is(years.at(-1), 2021);
  assert.equal(
    years,
    [...years].sort((a, b) => a - b),
  );
  assert.equal(
    speeches.filter(speech => speech.year === 1961).map(speech => speech.id),
    ["1961_dwight_d_eisenhower_r", "1961_john_f_kennedy_d"],
  );
  assert.not(years.includes(1933));
});

test("173 speeches train, every tenth one to 1980 is held out, and 41 come after", () => {
  assert.equal([split.train.length, split.heldOut.length, split.after1980.length], [173, 19, 41]);
  assert.equal(
    split.heldOut.slice(0, 3).map(speech => speech.year),
    [1799, 1809, 1819],
  );
  assert.is(split.heldOut.at(-1)?.year, 1978);
  assert.is(split.train.at(-1)?.year, 1980);
  assert.is(split.after1980[0]?.year, 1981);
});

test("the three parts are disjoint and lose no speech", () => {
  const ids = [...split.train, ...split.heldOut, ...split.after1980].map(speech => speech.id);
  assert.is(new Set(ids).size, 233);
});

test("a corpus with other bytes is refused, with both hashes and what to do", () => {
  const folder = mkdtempSync(join(tmpdir(), "speeches-"));
  try {
    writeFileSync(join(folder, "1790_george_washington_n.txt"), "Fellow-Citizens");
    assert.throws(
      () => readSpeeches(folder),
      (error: unknown) =>
        error instanceof DataError && /have sha256 [0-9a-f]{64}, expected a81145bd/.test(error.message) && error.message.includes("npm ci"),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a missing folder is refused with the system's reason", () => {
  assert.throws(
    () => readSpeeches(join(tmpdir(), "no-such-folder-of-speeches")),
    (error: unknown) => error instanceof DataError && error.message.includes("ENOENT"),
  );
});

test.run();
