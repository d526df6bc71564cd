import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Row } from "../../bench/catalogue.ts";
import type { Cell } from "../../bench/harness/contender.ts";
import { consensus, figure, judge, renderTable, tally, type Results } from "../../bench/harness/table.ts";
import { gemm } from "../../bench/work.ts";

const ms = (median: number, check?: number, spread = 0): Cell => ({
  kind: "measured",
  median,
  low: median - spread,
  high: median + spread,
  samples: 5,
  check,
});
const plain = { kind: "measured", unit: "ms", work: gemm(2), fresh: false, parallel: false, heavy: false } as const;
const rows: readonly Row[] = [
  { ...plain, id: "even", title: "even" },
  { ...plain, id: "odd", title: "odd", need: { kind: "faster", than: "peer", times: 2 }, aim: { kind: "atMost", atMost: 12, wide: 5 } },
  { kind: "ratio", id: "cliff", title: "cliff", of: "odd", over: "even", need: { kind: "atMost", atMost: 1.1 } },
];
const results = (cells: Record<string, readonly Cell[]>, wide = false): Results => ({
  rows,
  columns: [
    { id: "pullback", title: "pullback" },
    { id: "peer", title: "A peer" },
  ],
  cells: new Map(Object.entries(cells)),
  subject: "pullback",
  wide,
});
const lines = (text: string): string[] => text.split("\n");

test("figures, ratios and verdicts stand in their row", () => {
  const table = lines(renderTable(results({ even: [ms(8), ms(30)], odd: [ms(10), ms(25)] })));
  assert.equal(table.slice(0, 5), [
    "| work | pullback | A peer | needed | aim |",
    "| --- | --: | --: | --: | --: |",
    "| even | 8.00 | 30.0 |  |  |",
    "| odd | 10.0 | 25.0 | ≥ 2× A peer met (2.50×) | ≤ 12 met |",
    "| cliff | 1.25 | 0.833 | ≤ 1.1 **not met** |  |",
  ]);
});

test("a target is judged by the subject's figure, and by the wide limit where vectors are wide", () => {
  const cells = { even: [ms(8), ms(30)], odd: [ms(10), ms(19)] };
  const target = rows[1]?.aim;
  assert.ok(target);
  assert.is(judge(results(cells), "odd", target).met, true);
  assert.is(judge(results(cells, true), "odd", target).met, false);
  assert.equal(tally(results(cells), "need"), { met: 0, missed: 2, open: 0 });
});

test("a target without a figure is open, not met and not missed", () => {
  const cells = { even: [ms(8), ms(30)], odd: [ms(10), { kind: "failed", reason: "it crashed" }] } as const;
  assert.equal(tally(results(cells), "need"), { met: 0, missed: 1, open: 1 });
  assert.ok(renderTable(results(cells)).includes("≥ 2× A peer ? |"));
});

test("every cell that is no plain figure has a note with its reason", () => {
  const table = renderTable(
    results({
      even: [{ kind: "unsupported", reason: "no such kernel" }, ms(30, undefined, 10)],
      odd: [{ kind: "skipped" }, { kind: "failed", reason: "it\ncrashed" }],
    }),
  );
  assert.equal(lines(table).slice(2), [
    "| even | – [1] | ~30.0 |  |  |",
    "| odd |  | failed [2] | ≥ 2× A peer ? | ≤ 12 ? |",
    "| cliff |  |  | ≤ 1.1 ? |  |",
    "",
    "[1] even, pullback: no such kernel  ",
    "[2] odd, A peer: it crashed  ",
    "~ the middle half of the samples spreads over more than 15 % of the median  ",
    "",
  ]);
});

test("a figure for another result is marked", () => {
  const cells = [ms(8, 2), ms(8, 1), ms(9, 1.0001)];
  assert.is(consensus(cells), 1);
  const table = renderTable({
    ...results({ even: cells }),
    columns: [
      { id: "pullback", title: "pullback" },
      { id: "a", title: "a" },
      { id: "b", title: "b" },
    ],
  });
  assert.ok(table.includes("| even | 8.00 ≠ [1] | 8.00 | 9.00 |"));
  assert.ok(table.includes("its result differs: checksum 2, not 1"));
});

test("a ratio lacks a figure when one of its rows does", () => {
  assert.is(figure(results({ even: [ms(8), ms(30)] }), "cliff", "pullback"), undefined);
});

test.run();
