// Source maps: every name of the rewritten text leads back to where the user wrote it, every operator call to its operator, through the transpiler too.
import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { positionOf } from "../../../compiler/frontend/diagnostics.ts";
import type { RawSourceMap } from "../../../compiler/frontend/edits.ts";
import { rewrite } from "../../../compiler/frontend/rewrite.ts";
import { decode, originOf } from "../../../compiler/frontend/sourcemaps.ts";
import { toJavaScript } from "../../../compiler/frontend/transpile.ts";
import { branches } from "./programs_branches.ts";
import { loops } from "./programs_loops.ts";

const consumer = (map: RawSourceMap): TraceMap => new TraceMap(JSON.stringify(map));
/** The text at the place that an offset of the generated code leads back to. */
function leadsTo(code: string, source: string, map: TraceMap, offset: number): string {
  const { line, column } = positionOf(code, offset);
  const at = originalPositionFor(map, { line, column: column - 1 });
  const start = source
    .split("\n")
    .slice(0, (at.line ?? 1) - 1)
    .reduce((n, l) => n + l.length + 1, 0);
  return source.slice(start + (at.column ?? 0));
}
const source = `import { sin } from "pullback";
export function f(x: number, y: number): number {
  "use tensor";
  let total = x + y * 2; // grows
  if (total > 3) {
    total -= x ? sin(x) : -y;
  } else return total ** 2;
  for (let index = 0; index < y; index++) {
    total += Math.cos(index);
  }
  return total && y;
}
`;
const operators: Readonly<Record<string, string>> = {
  "$add(x": "+ y",
  "$mul(y": "* 2",
  "$gt(total": "> 3",
  "$if(": "if (total",
  "$sub(total": "-= x",
  "$cond(x": "? sin",
  "$neg(y": "-y",
  "$pow(total": "** 2",
  "$for(": "for (let",
  "$lt(index": "< y",
  "$inc(index": "index++",
  "$math.cos": "Math.cos",
  "$and(total": "&& y",
};

/** Names that stay where they are: not keywords, properties, types, steps of counters. */
const names = /(?<![\w$"'.+-])(?:total|sin|twice|collatz|g|h|get|add|a|b|c|s|t)\b(?!\s*(?:\+\+|--|\?|'|: ))/g;

test("calls of operators lead to the operators", () => {
  const { code, map } = rewrite(source, "f.ts");
  assert.ok(map);
  for (const [call, text] of Object.entries(operators)) {
    const at = code.indexOf(call);
    assert.ok(at >= 0, call);
    const found = leadsTo(code, source, consumer(map), at);
    assert.ok(found.startsWith(text), `${call} leads to ${found.slice(0, 12)}, not ${text}`);
  }
});
test("every name that the user wrote is somewhere in the result, and leads back to its own place, as JavaScript too", () => {
  for (const { source: text } of [{ source }, ...branches, ...loops]) {
    for (const { code, map } of [rewrite(text, "f.ts"), toJavaScript(text, "f.ts")]) {
      assert.ok(map);
      const back = consumer(map);
      const found = new Set<string>();
      for (const { 0: word, index } of code.matchAll(/[A-Za-z]\w*/g)) {
        const place = positionOf(code, index);
        const at = originalPositionFor(back, { line: place.line, column: place.column - 1 });
        found.add(`${word} ${at.line}:${(at.column ?? 0) + 1}`);
      }
      for (const { 0: word, index } of text.matchAll(names)) {
        const { line, column } = positionOf(text, index);
        if (/for \((?:const )?[^()]*$/.test(text.slice(0, index)) && /^[^()]* of /.test(text.slice(index))) continue; // the head of for…of moves into the closure's
        assert.ok(found.has(`${word} ${line}:${column}`), `${word} at ${line}:${column} of ${text}`);
      }
    }
  }
});
test("the map holds the source and its name", () => {
  const { map } = toJavaScript(source, "folder/f.ts");
  assert.equal(map?.sources, ["folder/f.ts"]);
  assert.equal(map?.sourcesContent, [source]);
});
test("our reader of maps agrees with another one", () => {
  const { code, map } = rewrite(source, "f.ts");
  assert.ok(map);
  const lines = decode(map.mappings),
    other = consumer(map);
  code.split("\n").forEach((text, line) => {
    for (let column = 0; column < text.length; column++) {
      const theirs = originalPositionFor(other, { line: line + 1, column });
      const ours = originOf(lines, line, column);
      assert.equal(ours && [ours.line + 1, ours.column], theirs.line === null ? undefined : [theirs.line, theirs.column]);
    }
  });
});
test("files without a scope stay as they are", () => {
  assert.equal(rewrite("const a = 1 + 2;", "a.ts"), { code: "const a = 1 + 2;", map: null, diagnostics: [] });
});
test.run();
