// Where a row's time goes on the card: its most expensive kernels, and what each takes of a processor.
import type { ProfileRow } from "pullback";
import { threeDigits } from "../harness/statistics.ts";

const MOST = 20;

/** Markdown: the kernels of one evaluation, the most expensive first. */
export function renderProfile(title: string, rows: readonly ProfileRow[]): string {
  const total = rows.reduce((sum, r) => sum + r.milliseconds, 0),
    launches = rows.reduce((sum, r) => sum + r.launches, 0);
  const line = ({ kernel, launches, milliseconds, residency: at }: ProfileRow): string =>
    `| ${kernel} | ${launches} | ${threeDigits(milliseconds)} | ${((100 * milliseconds) / total).toFixed(1)}% | ${
      at ? `${at.threads} | ${at.registers} | ${(at.sharedBytes / 1024).toFixed(1)} | ${at.groupsPerProcessor}` : "– | – | – | –"
    } |`;
  return [
    `### ${title}`,
    "",
    `${launches} launches, ${threeDigits(total)} ms of kernels, one by one${rows.length > MOST ? `; ${MOST} of ${rows.length} kernels` : ""}.`,
    "",
    "| kernel | launches | ms | | threads | registers | shared KiB | groups a processor |",
    "|---|--:|--:|--:|--:|--:|--:|--:|",
    ...rows.slice(0, MOST).map(line),
    "",
  ].join("\n");
}
