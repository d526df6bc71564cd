// The final table, one row a method: what it shows is decided here once, and drawn for the terminal here and for the web by report.ts.
import Table from "cli-table3";
import { finalTrainLoss, methodTitle, type RunResult, type Summary } from "./config.ts";

/** A column: its heading, what it means, and its cell for a run. A cell that was not measured is a dash. */
export interface Column {
  readonly title: string;
  readonly about: string;
  cell(run: RunResult): string;
}

/** The columns of the result table, in order. */
export const columns: readonly Column[] = [
  { title: "method", about: "how the gradient was taken", cell: run => methodTitle[run.method] },
  { title: "steps", about: "optimizer steps taken", cell: run => String(run.train.length) },
  { title: "train loss", about: "nats a character, mean of the last tenth of the steps", cell: run => fixed(finalTrainLoss(run), 4) },
  {
    title: "val loss (held-out)",
    about: "nats a character on held-out speeches to 1980, after the last evaluation",
    cell: run => fixed(run.validation.at(-1)?.heldOut, 4),
  },
  {
    title: "val loss (after 1980)",
    about: "nats a character on the speeches after 1980, after the last evaluation",
    cell: run => fixed(run.validation.at(-1)?.after1980, 4),
  },
  {
    title: "λ_max",
    about: "largest eigenvalue of the Hessian on one fixed training batch",
    cell: run => significant(run.sharpness?.lambdaMax),
  },
  {
    title: "logit path",
    about: "share of SAM's correction that goes through the logits (Gauss-Newton)",
    cell: run => percent(run.sharpness?.logitShare),
  },
  {
    title: "functional path",
    about: "share of SAM's correction that goes through the function",
    cell: run => percent(run.sharpness?.functionalShare),
  },
  { title: "ms/step", about: "wall time of a step, the first (which compiles) left out", cell: run => fixed(run.msPerStep, 1) },
];

/** The table as text with a trailing line break, without colours, at most 100 columns wide: headings and names are stacked in lines. */
export function renderTable(summary: Summary): string {
  const table = new Table({
    head: columns.map(column => stack(column.title)),
    colAligns: columns.map((_, i) => (i === 0 ? "left" : "right")),
    style: { head: [], border: [], compact: true },
  });
  table.push(...summary.results.map(run => columns.map((column, i) => (i === 0 ? stack(column.cell(run)) : column.cell(run)))));
  return `${table.toString()}\n`;
}

const stack = (words: string): string => words.replaceAll(" ", "\n");
const fixed = (x: number | undefined, digits: number): string => (x === undefined ? "–" : x.toFixed(digits));
const significant = (x: number | undefined): string => (x === undefined ? "–" : Number(x.toPrecision(4)).toString());
const percent = (x: number | undefined): string => (x === undefined ? "–" : `${(100 * x).toFixed(0)}%`);
