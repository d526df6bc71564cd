// The benches for a card, without one: every row runs to its end on the driver without a card, at the smallest sizes, and gives no figure; the table is right on
// made-up ones.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { profileRows, runRows } from "../../bench/cuda/run.ts";
import { renderCudaTable } from "../../bench/cuda/table.ts";
import { cardRows, paperRows } from "../../bench/cuda/work.ts";
import { closes, paper } from "../cuda/paper.ts";

test("every row runs without a card, and gives no figure", async () => {
  const card = paper(),
    said: string[] = [];
  const cells = await runRows(card.device, paperRows, undefined, line => said.push(line));
  assert.equal([...cells], []);
  assert.equal(
    said.filter(line => !line.endsWith(": ran")),
    [],
  );
  assert.is(said.length, paperRows.length);
  closes(card);
});
test("a profile names the kernels of a row, with what they take of a processor; a row that fails says why", async () => {
  const card = paper(),
    [row] = paperRows.filter(r => r.work.kind === "layerNormGradient");
  assert.ok(row);
  const text = await profileRows(card.device, [row, { ...row, title: "broken", work: { kind: "gemm", type: "bf16", m: -1, n: 1, k: 1 } }]);
  assert.match(text, /^### .*\n\n\d launches, \S+ ms of kernels/);
  assert.match(text, /\n\| \w+ \| 1 \| \d\S* \| \d+\.\d% \| \d+ \| 40 \| \d+\.\d \| \d+ \|\n/);
  assert.match(text, /### broken\n\nfailed: \S/);
  closes(card);
});
test("every kind of work has a row for a card and one for paper", () => {
  const kinds = (rows: typeof cardRows): string[] =>
    [
      ...new Set(rows.map(r => `${r.work.kind} ${"rho" in r.work ? r.work.rho : ""} ${"gradient" in r.work ? r.work.gradient : ""}`)),
    ].toSorted();
  assert.equal(kinds(paperRows), kinds(cardRows));
});
test("the table tells rates, times, what failed, and pullback beside the best peer", () => {
  const rows = [
    { id: "a", title: "A", work: { kind: "call" as const }, flops: 4e12 },
    { id: "b", title: "B", work: { kind: "call" as const }, bytes: 3e9 },
    { id: "c", title: "C", work: { kind: "call" as const } },
  ];
  const text = renderCudaTable(rows, [
    {
      title: "pullback",
      cells: new Map([
        ["a", { ms: 10 }],
        ["b", { ms: 2 }],
        ["c", { ms: 0.5 }],
      ]),
    },
    {
      title: "other",
      cells: new Map<string, { readonly ms: number } | { readonly reason: string }>([
        ["a", { ms: 8 }],
        ["b", { reason: "no memory" }],
        ["c", { ms: 1 }],
      ]),
    },
  ]);
  assert.match(text, "| A | TFLOP/s | 400 | 500 | 80% |");
  assert.match(text, "| B | GB/s | 1,500 | – | – |");
  assert.match(text, "| C | ms | 0.500 | 1.00 | 200% |");
  assert.match(text, "other, B: no memory");
});

test.run();
