// Figures as a table: operations or bytes a second where a row has them, else milliseconds; and pullback beside the best peer of the same run.
import { threeDigits } from "../harness/statistics.ts";
import type { Cell } from "./measure.ts";
import type { CudaRow } from "./work.ts";

/** A column's title and what it knows of each row. */
export interface CudaColumn {
  readonly title: string;
  readonly cells: ReadonlyMap<string, Cell>;
}
/** Markdown. The first column is pullback. */
export function renderCudaTable(rows: readonly CudaRow[], columns: readonly CudaColumn[]): string {
  const reasons: string[] = [];
  const show = (row: CudaRow, c: CudaColumn): string => {
    const cell = c.cells.get(row.id);
    if (cell && "reason" in cell) reasons.push(`${c.title}, ${row.title}: ${cell.reason}`);
    return cell && "ms" in cell ? threeDigits(figure(row, cell.ms)) : "–";
  };
  const lines = rows.map(row => {
    const [own, ...peers] = columns.map(c => c.cells.get(row.id)).map(c => (c && "ms" in c ? c.ms : NaN)),
      best = Math.min(...peers.filter(Number.isFinite));
    const ratio = Number.isFinite(best) && own !== undefined && Number.isFinite(own) ? `${((100 * best) / own).toFixed(0)}%` : "–";
    return `| ${row.title} | ${unit(row)} | ${columns.map(c => show(row, c)).join(" | ")} | ${ratio} |`;
  });
  return [
    `| | unit | ${columns.map(c => c.title).join(" | ")} | of the best peer |`,
    `|---|---|${columns.map(() => "--:|").join("")}--:|`,
    ...lines,
    "",
    ...reasons,
  ].join("\n");
}
const unit = (r: CudaRow): string => (r.flops !== undefined ? "TFLOP/s" : r.bytes !== undefined ? "GB/s" : "ms");
const figure = (r: CudaRow, ms: number): number =>
  r.flops !== undefined ? r.flops / (1e9 * ms) : r.bytes !== undefined ? r.bytes / (1e6 * ms) : ms;
