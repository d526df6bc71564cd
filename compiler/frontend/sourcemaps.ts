// Source maps in a chain: from generated text through an intermediate one to the user's. It reads and composes version 3 maps; magic-string's encoder writes them.
import { SourceMap } from "magic-string";
import type { RawSourceMap } from "./edits.ts";

/** A piece of a line: its column, and where it comes from (source, line, column, from 0), when it comes from somewhere. */
export type Segment = readonly [number] | readonly [number, number, number, number, ...number[]];

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/** The segments of each line. */
export function decode(mappings: string): readonly (readonly Segment[])[] {
  const last = [0, 0, 0, 0, 0];
  return mappings.split(";").map(line => {
    last[0] = 0;
    return line === ""
      ? []
      : line.split(",").map(piece => numbersIn(piece).map((n, i) => (last[i] = (last[i] ?? 0) + n)) as unknown as Segment); // one, four or five numbers by the format
  });
}
/** Base 64 digits of five bits, the sixth says that more follow, the lowest bit of the number is its sign. */
function numbersIn(piece: string): number[] {
  const out: number[] = [];
  let value = 0,
    shift = 0;
  for (const c of piece) {
    const digit = digits.indexOf(c);
    value += (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    out.push(value & 1 ? -(value >> 1) : value >> 1);
    value = shift = 0;
  }
  return out;
}
/** Where a place (line and column from 0) of the text that `lines` describe comes from, with its source's number. */
export function originOf(
  lines: readonly (readonly Segment[])[],
  line: number,
  column: number,
): { readonly source: number; readonly line: number; readonly column: number } | undefined {
  const found = lines[line]?.findLast(s => s[0] <= column);
  return found && found.length > 1 ? { source: found[1] ?? 0, line: found[2] ?? 0, column: found[3] ?? 0 } : undefined;
}
/** `outer` maps a text to another, `inner` maps that one to the user's: the map from the first to the last. */
export function compose(outer: RawSourceMap, inner: RawSourceMap): RawSourceMap {
  const through = decode(inner.mappings);
  const mappings = decode(outer.mappings).map(line =>
    line.flatMap((s): [number, number, number, number][] => {
      const at = s.length > 1 ? originOf(through, s[2] ?? 0, s[3] ?? 0) : undefined;
      return at ? [[s[0], at.source, at.line, at.column]] : [];
    }),
  );
  const { mappings: text } = new SourceMap({ ...contents(inner), names: [], mappings });
  return { ...contents(inner), version: 3, names: [], mappings: text };
}
const contents = ({ sources, sourcesContent }: RawSourceMap): { sources: string[]; sourcesContent: (string | null)[] } => ({
  sources: [...sources],
  sourcesContent: [...(sourcesContent ?? [])],
});
