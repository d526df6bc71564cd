// The text that the page trains on, as a virtual module of the bundle: a part of the speeches, so that the page stays small. Build time only.
import { readSpeeches, splitByYear } from "../09-gpt/data.ts";
import { joinSpeeches } from "../09-gpt/tokenizer.ts";

/** Characters of the training text and of the held-out text. */
const size = { train: 1_000_000, heldOut: 60_000 };
/** The page imports this name. */
export const corpusModule = "virtual:corpus";

/** The virtual module's source: the last speeches of each part, up to its size. */
export function corpusSource(): string {
  const { train, heldOut } = splitByYear(readSpeeches());
  const text = (speeches: typeof train, n: number): string => JSON.stringify(joinSpeeches(speeches).slice(-n));
  return `export const train = ${text(train, size.train)};\nexport const heldOut = ${text(heldOut, size.heldOut)};\n`;
}
