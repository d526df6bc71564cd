// Edits of a text by ranges: text opened before a place, closed after one, or put in the place of a token. Nothing is reprinted. The source map knows the place of
// every piece that was put in, so an error inside an inserted call points at the operator that the user wrote.
import EditableText, { SourceMap } from "magic-string";
import { InternalError } from "../../runtime/errors/error.ts";

/** A version 3 source map. */
export interface RawSourceMap {
  readonly version: 3;
  readonly file?: string;
  readonly sources: readonly string[];
  readonly sourcesContent?: readonly (string | null)[];
  readonly names: readonly string[];
  readonly mappings: string;
}
interface Insertion {
  readonly at: number;
  readonly text: string;
  /** The place in the source that the text stands for. */
  readonly origin: number;
}

/** Collects edits of `source`; outer edits are made before the edits of what is inside. */
export class Edits {
  readonly source: string;
  private readonly text: EditableText;
  private readonly opened: Insertion[] = [];
  private readonly closed: Insertion[] = [];
  private readonly replaced: (Insertion & { readonly end: number })[] = [];
  private readonly tail: string[] = [];
  constructor(source: string) {
    this.source = source;
    this.text = new EditableText(source);
  }
  /** `text` before what begins at `at`, after all that was opened there. */
  open(at: number, text: string, origin: number = at): void {
    this.text.appendRight(at, text);
    this.opened.push({ at, text, origin });
  }
  /** `text` after what ends at `at`, before all that was closed there. */
  close(at: number, text: string): void {
    this.text.prependLeft(at, text);
    this.closed.unshift({ at, text, origin: at });
  }
  /** `text` in the place of [start, end). */
  replace(start: number, end: number, text: string): void {
    this.text.update(start, end, text);
    this.replaced.push({ at: start, end, text, origin: start });
  }
  /** `text` at the very end. */
  append(text: string): void {
    this.text.append(text);
    this.tail.push(text);
  }

  /** The edited text and its map. */
  finish(fileName: string): { readonly code: string; readonly map: RawSourceMap } {
    const code = this.text.toString();
    const map = this.text.generateDecodedMap({ source: fileName, includeContent: true, hires: "boundary" });
    const lines = new Lines(this.source);
    const out = new Lines(code);
    for (const { at, origin } of this.placed(code)) {
      const to = out.at(at),
        from = lines.at(origin);
      const row = (map.mappings[to.line] ??= []);
      const place = row.findIndex(s => s[0] >= to.column);
      const exact = place >= 0 && row[place]?.[0] === to.column;
      row.splice(place < 0 ? row.length : place, exact ? 1 : 0, [to.column, 0, from.line, from.column]);
    }
    const { version: _, ...rest } = new SourceMap(map);
    return { code, map: { ...(JSON.parse(JSON.stringify(rest)) as Omit<RawSourceMap, "version">), version: 3 } }; // the class's own fields
  }

  /** Where every opened text is in the result, with the place that it stands for. */
  private placed(code: string): { readonly at: number; readonly origin: number }[] {
    const found: { at: number; origin: number }[] = [];
    const opened = groupByPlace(this.opened),
      closed = groupByPlace(this.closed);
    const replaced = new Map(this.replaced.map(r => [r.at, r]));
    let offset = 0;
    for (let i = 0; i <= this.source.length; i++) {
      for (const { text } of closed.get(i) ?? []) offset += text.length;
      for (const { text, origin } of opened.get(i) ?? []) {
        found.push({ at: offset, origin });
        offset += text.length;
      }
      const r = replaced.get(i);
      if (r) {
        offset += r.text.length;
        for (let k = i + 1; k < r.end; k++) if (opened.has(k) || closed.has(k)) throw new InternalError("an edit inside a replaced token");
        i = r.end - 1;
      } else if (i < this.source.length) offset++;
    }
    if (offset + this.tail.join("").length !== code.length) throw new InternalError("edits and text disagree");
    return found;
  }
}
const groupByPlace = (list: readonly Insertion[]): Map<number, Insertion[]> => {
  const by = new Map<number, Insertion[]>();
  for (const i of list) by.set(i.at, [...(by.get(i.at) ?? []), i]);
  return by;
};

/** Lines and columns, from 0. */
class Lines {
  private readonly starts: number[] = [0];
  constructor(text: string) {
    for (let i = text.indexOf("\n"); i >= 0; i = text.indexOf("\n", i + 1)) this.starts.push(i + 1);
  }
  at(offset: number): { readonly line: number; readonly column: number } {
    let low = 0,
      high = this.starts.length;
    while (high - low > 1) {
      const mid = (low + high) >> 1;
      if ((this.starts[mid] ?? 0) <= offset) low = mid;
      else high = mid;
    }
    return { line: low, column: offset - (this.starts[low] ?? 0) };
  }
}
