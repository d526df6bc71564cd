import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readSpeeches, splitByYear } from "../../examples/09-gpt/data.ts";
import { buildTokenizer, decode, encode, joinSpeeches, normalise, replacement } from "../../examples/09-gpt/tokenizer.ts";

test("typographic quotes and dashes become plain ones, and runs of white space and control characters one space", () => {
  assert.is(normalise("  “Don’t”\u0002 —  he\r\n\tsaid 1941‑45 – "), '"Don\'t" -- he said 1941-45 -');
});

test("a joined text ends every speech with a line break and has no other", () => {
  assert.is(
    joinSpeeches([
      { id: "a", year: 1790, text: "One.\nTwo.\n" },
      { id: "b", year: 1791, text: "Three." },
    ]),
    "One. Two.\nThree.\n",
  );
});

test("ids follow code points after the replacement symbol, which stands for every unknown character", () => {
  const tokenizer = buildTokenizer("cab a");
  assert.equal(tokenizer.symbols, [replacement, " ", "a", "b", "c"]);
  assert.equal([...encode(tokenizer, "bad😀")], [3, 2, 0, 0]);
  assert.is(decode(tokenizer, [3, 2, 0]), `ba${replacement}`);
});

test("decoding an id outside the alphabet names the id and the alphabet's size", () => {
  assert.throws(() => decode(buildTokenizer("ab"), [1, 7]), "token 7 is outside the alphabet of 3 symbols (0 to 2)");
});

test("text over the alphabet survives encoding and decoding", () => {
  const alphabet = "abcé😀\n ";
  const tokenizer = buildTokenizer(alphabet);
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...alphabet)),
      characters => decode(tokenizer, encode(tokenizer, characters.join(""))) === characters.join(""),
    ),
  );
});

test("the training text has 87 symbols with the replacement, and almost all later text uses them", () => {
  const split = splitByYear(readSpeeches());
  const train = joinSpeeches(split.train);
  const tokenizer = buildTokenizer(train);
  assert.is(tokenizer.symbols.length, 87);
  assert.not(encode(tokenizer, train).includes(0));
  const late = encode(tokenizer, joinSpeeches(split.after1980));
  const unknown = late.filter(id => id === 0).length;
  assert.ok(unknown > 0 && unknown < 20, `${unknown} unknown characters of ${late.length}`);
});

test.run();
