// Cells to Markdown: figures, verdicts on the targets, and below the table a note for each cell that is not a plain figure. Pure.
import type { Row, Target } from "../catalogue.ts";
import type { Cell } from "./contender.ts";
import { agree, threeDigits } from "./statistics.ts";

/** A column's heading. */
export interface Heading {
  readonly id: string;
  readonly title: string;
}

/** All that a table shows. `cells` by row id, in the order of `columns`. */
export interface Results {
  readonly rows: readonly Row[];
  readonly columns: readonly Heading[];
  readonly cells: ReadonlyMap<string, readonly Cell[]>;
  /** The column that the targets are for. */
  readonly subject: string;
  /** Whether the subject computes with 256-bit vectors. */
  readonly wide: boolean;
}

/** A target and the figure it is held against. `undefined` when there is no figure to judge by. */
export type Verdict = { readonly target: Target; readonly met: boolean | undefined; readonly factor: number | undefined };

/** The figure of row `id` in column `column`, ratios derived. */
export function figure(results: Results, id: string, column: string): number | undefined {
  const { rows, columns, cells } = results;
  const row = rows.find(r => r.id === id);
  if (row?.kind === "ratio") {
    const of = figure(results, row.of, column),
      over = figure(results, row.over, column);
    return of === undefined || over === undefined ? undefined : of / over;
  }
  const cell = cells.get(id)?.[columns.findIndex(c => c.id === column)];
  return cell?.kind === "measured" ? cell.median : undefined;
}

/** How the subject stands to `target` in the row `id`. */
export function judge(results: Results, id: string, target: Target): Verdict {
  const ours = figure(results, id, results.subject);
  switch (target.kind) {
    case "atMost":
      return { target, factor: undefined, met: ours === undefined ? undefined : ours <= limit(target, results.wide) };
    case "faster": {
      const theirs = figure(results, id, target.than);
      const factor = ours === undefined || theirs === undefined ? undefined : theirs / ours;
      return { target, factor, met: factor === undefined ? undefined : factor >= target.times };
    }
    default:
      return target satisfies never;
  }
}

/** The checksum that most columns of the row agree on; undefined when fewer than two gave one. */
export function consensus(cells: readonly Cell[]): number | undefined {
  const checks = cells.flatMap(cell => (cell.kind === "measured" && cell.check !== undefined ? [cell.check] : []));
  return checks.length < 2 ? undefined : checks.toSorted((a, b) => followers(b, checks) - followers(a, checks))[0];
}
const followers = (check: number, all: readonly number[]): number => all.filter(other => agree(check, other)).length;

/** Whether the middle half of the samples lies within 15 % of the median. */
export const isSteady = (cell: Extract<Cell, { kind: "measured" }>): boolean => cell.high - cell.low <= 0.15 * cell.median;

/** The table, and the notes on its cells, one a line. */
export function renderTable(results: Results): string {
  const { rows, columns, cells } = results;
  const notes: string[] = [];
  const head = ["work", ...columns.map(c => c.title), "needed", "aim"];
  const body = rows.map(row => {
    const own = cells.get(row.id) ?? [];
    const agreed = consensus(own);
    const figures = columns.map((column, at) => {
      const note = (mark: string, text: string): string => {
        notes.push(`${row.title}, ${column.title}: ${text}`);
        return `${mark} [${notes.length}]`;
      };
      const value = figure(results, row.id, column.id);
      const cell = own[at];
      if (row.kind === "ratio") return value === undefined ? "" : threeDigits(value);
      if (cell === undefined || cell.kind === "skipped") return "";
      if (cell.kind === "unsupported") return note("–", cell.reason);
      if (cell.kind === "failed") return note("failed", cell.reason);
      if (cell.check !== undefined && agreed !== undefined && !agree(cell.check, agreed))
        return note(`${threeDigits(cell.median)} ≠`, `its result differs: checksum ${cell.check}, not ${agreed}`);
      return `${isSteady(cell) ? "" : "~"}${threeDigits(cell.median)}${cell.kernels === undefined ? "" : ` (${cell.kernels})`}`;
    });
    return [
      `${row.title}${row.kind === "measured" && row.unit !== "ms" ? `, ${row.unit}` : ""}`,
      ...figures,
      ...[row.need, row.aim].map(target => (target ? showVerdict(judge(results, row.id, target), results) : "")),
    ];
  });
  if ([...cells.values()].flat().some(cell => cell.kind === "measured" && !isSteady(cell)))
    notes.push("~ the middle half of the samples spreads over more than 15 % of the median");
  if ([...cells.values()].flat().some(cell => cell.kind === "measured" && cell.kernels !== undefined))
    notes.push("(n): dispatches of one evaluation");
  const table = [head, head.map((_, i) => (i === 0 ? "---" : "--:")), ...body]
    .map(cellsOfLine => `| ${cellsOfLine.map(text => text.replaceAll("|", "\\|")).join(" | ")} |`)
    .join("\n");
  return notes.length === 0
    ? `${table}\n`
    : `${table}\n\n${notes.map((text, i) => `${/^[~(]/.test(text) ? "" : `[${i + 1}] `}${text.replaceAll("\n", " ")}  `).join("\n")}\n`;
}

const limit = (target: Extract<Target, { kind: "atMost" }>, wide: boolean): number =>
  wide ? (target.wide ?? target.atMost) : target.atMost;

function showVerdict({ target, met, factor }: Verdict, { columns, wide }: Results): string {
  const mark = met === undefined ? "?" : met ? "met" : "**not met**";
  switch (target.kind) {
    case "atMost":
      return `≤ ${limit(target, wide).toLocaleString("en")} ${mark}`;
    case "faster":
      return `≥ ${target.times}× ${columns.find(c => c.id === target.than)?.title ?? target.than} ${mark}${factor === undefined ? "" : ` (${threeDigits(factor)}×)`}`;
    default:
      return target satisfies never;
  }
}

/** How many targets are met, not met, and cannot be judged. */
export function tally(results: Results, which: "need" | "aim"): { met: number; missed: number; open: number } {
  const count = { met: 0, missed: 0, open: 0 };
  for (const row of results.rows) {
    const target = row[which];
    if (!target) continue;
    const { met } = judge(results, row.id, target);
    count[met === undefined ? "open" : met ? "met" : "missed"]++;
  }
  return count;
}

/** The median sample of `cell` for a line of progress. */
export const brief = (cell: Cell): string => (cell.kind === "measured" ? threeDigits(cell.median) : cell.kind);
