// PTX text -> tokens with their lines. Knows the shapes of words and numbers, not what they mean.
import { PtxError } from "../errors.ts";

/** `word`: an opcode with its modifiers, a register, a name. `directive`: `.reg`, `.b32` and the like. `punct`: one character. */
export interface Token {
  readonly kind: "word" | "directive" | "integer" | "float" | "decimal" | "string" | "punct" | "end";
  readonly text: string;
  readonly line: number;
}

const SHAPES: readonly (readonly [Token["kind"] | "space", RegExp])[] = [
  ["space", /[ \t\r\n]+|\/\/[^\n]*|\/\*[\s\S]*?\*\//y],
  ["float", /0[fF][0-9a-fA-F]{8}(?![0-9a-fA-F])|0[dD][0-9a-fA-F]{16}(?![0-9a-fA-F])/y],
  ["decimal", /\d+\.\d*(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+/y],
  ["integer", /(?:0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)U?/y],
  ["word", /[a-zA-Z_$%][\w$]*(?:\.[\w$]+(?:::[\w$]+)*)*/y],
  ["directive", /\.[a-zA-Z_]\w*(?:::\w+)*/y],
  ["string", /"[^"\n]*"/y],
  ["punct", /[{}()[\],;:@!|<>+\-=~]/y],
];

/** The tokens of a module, ending with one of kind `end`. @throws PtxError at a character that starts nothing */
export function tokens(text: string): Token[] {
  const out: Token[] = [];
  let at = 0,
    line = 1;
  scan: while (at < text.length) {
    for (const [kind, shape] of SHAPES) {
      shape.lastIndex = at;
      const found = shape.exec(text)?.[0];
      if (found === undefined) continue;
      if (kind !== "space") out.push({ kind, text: found, line });
      for (let i = at; i < at + found.length; i++) if (text.charCodeAt(i) === 10) line++;
      at += found.length;
      continue scan;
    }
    throw new PtxError(line, `unexpected character ${JSON.stringify(text[at])}`);
  }
  out.push({ kind: "end", text: "end of text", line });
  return out;
}
