// Every row on a device: with figures on a card, without on anything else.
import { setDefaultDevice, type Device } from "pullback";
import { measureRow, profileRow, type Cell } from "./measure.ts";
import { renderProfile } from "./profile.ts";
import type { CudaRow } from "./work.ts";

/** The profile of every row, as Markdown; of a row that fails the reason. */
export async function profileRows(device: Device, rows: readonly CudaRow[]): Promise<string> {
  setDefaultDevice(device);
  const texts: string[] = [];
  for (const row of rows)
    try {
      texts.push(renderProfile(row.title, await profileRow(device, row)));
    } catch (e) {
      texts.push(`### ${row.title}\n\nfailed: ${reasonOf(e)}\n`);
    }
  return texts.join("\n");
}
/** The cells of pullback's column, and a line a row as it comes. `seconds`: see `measureRow`. A row that fails says why; the others are run. */
export async function runRows(
  device: Device,
  rows: readonly CudaRow[],
  seconds: number | undefined,
  say: (line: string) => void,
): Promise<ReadonlyMap<string, Cell>> {
  setDefaultDevice(device);
  const cells = new Map<string, Cell>();
  for (const row of rows) {
    let line = "ran";
    try {
      const cell = await measureRow(device, row, seconds);
      if (cell) cells.set(row.id, cell);
      if (cell && "ms" in cell) line = `${cell.ms.toPrecision(4)} ms`;
    } catch (e) {
      const reason = reasonOf(e);
      cells.set(row.id, { reason });
      line = `failed: ${reason}`;
    }
    say(`${row.title}: ${line}`);
  }
  return cells;
}
const reasonOf = (e: unknown): string => (e instanceof Error ? e.message : String(e)).split("\n")[0] ?? "";
