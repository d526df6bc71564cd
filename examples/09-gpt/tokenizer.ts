// Characters to integers and back. The alphabet is that of the training text, after typographic variants of one character are made one.
// It knows nothing of speeches or batches, and learns no merges.
import type { Speech } from "./data.ts";

/** An alphabet: `symbols[id]` is the character of an id. Id 0 is the replacement symbol, which stands for every character outside the alphabet. */
export interface Tokenizer {
  readonly symbols: readonly string[];
  readonly ids: ReadonlyMap<string, number>;
}

/** Stands for any character that the training text does not have. */
export const replacement = "\uFFFD";

/** Ends a speech in a joined text; inside a speech, `normalise` leaves no line break. */
export const endOfSpeech = "\n";

/** Straight quotes, plain hyphens (an em dash becomes two), and every run of white space or control characters one space.
 *  The package's texts write curly quotes only in late years: left alone they would pass for a shift of language. */
export function normalise(text: string): string {
  return text
    .replace(/[‘’]/g, "'")
    .replace(/[“”]/g, '"')
    .replace(/—/g, "--")
    .replace(/[‐‑–]/g, "-")
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim();
}

/** One text of many speeches, each normalised and closed by {@link endOfSpeech}. */
export const joinSpeeches = (speeches: readonly Speech[]): string => speeches.map(speech => normalise(speech.text) + endOfSpeech).join("");

/** The alphabet of `text`, in order of code points after the replacement symbol. */
export function buildTokenizer(text: string): Tokenizer {
  const characters = [...new Set(text)].filter(c => c !== replacement);
  const symbols = [replacement, ...characters.sort((a, b) => codePoint(a) - codePoint(b))];
  return { symbols, ids: new Map(symbols.map((symbol, id) => [symbol, id])) };
}

/** One id for each code point of `text`: i32[characters]. */
export function encode(tokenizer: Tokenizer, text: string): Int32Array {
  const out = new Int32Array(text.length); // at least as many code units as code points
  let n = 0;
  for (const character of text) out[n++] = tokenizer.ids.get(character) ?? 0;
  return out.slice(0, n);
}

/** The text of `ids`.
 *  @throws RangeError if an id is not one of the alphabet's */
export function decode(tokenizer: Tokenizer, ids: Iterable<number>): string {
  let text = "";
  for (const id of ids) {
    const symbol = tokenizer.symbols[id];
    if (symbol === undefined)
      throw new RangeError(
        `token ${id} is outside the alphabet of ${tokenizer.symbols.length} symbols (0 to ${tokenizer.symbols.length - 1})`,
      );
    text += symbol;
  }
  return text;
}

const codePoint = (character: string): number => character.codePointAt(0) ?? 0; // every element of a string's iterator has one
