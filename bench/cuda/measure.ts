// The time of one evaluation on a card: enough evaluations to fill a while, waited for together; the median of several such whiles. The host runs ahead, so this is
// the card's time wherever the card is the slower of the two.
import type { Device, ProfileRow } from "pullback";
import { median } from "../harness/statistics.ts";
import { prepare } from "./rows.ts";
import type { CudaRow } from "./work.ts";

/** What a column knows of a row. */
export type Cell = { readonly ms: number } | { readonly reason: string };

/** `seconds`: how long to measure for. `undefined`: run the row three times (directly, recorded, replayed) and measure nothing. */
export async function measureRow(device: Device, row: CudaRow, seconds: number | undefined): Promise<Cell | undefined> {
  const run = prepare(row.work);
  for (let i = 0; i < 3; i++) run();
  await device.sync();
  if (seconds === undefined) return undefined;
  const begin = performance.now();
  run();
  await device.sync();
  const times = Math.max(1, Math.min(1000, Math.floor(50 / Math.max(1e-3, performance.now() - begin)))),
    end = performance.now() + 1000 * seconds,
    samples: number[] = [];
  while (performance.now() < end || samples.length < 3) {
    const start = performance.now();
    for (let i = 0; i < times; i++) run();
    await device.sync();
    samples.push((performance.now() - start) / times);
  }
  return { ms: median(samples) };
}
/** One evaluation of a row, kernel by kernel. */
export async function profileRow(device: Device, row: CudaRow): Promise<readonly ProfileRow[]> {
  const run = prepare(row.work);
  run(); // compiles
  await device.sync();
  const profile = device.profile?.();
  if (!profile) throw new Error(`${device.name} gives no profiles`);
  run();
  return profile.finish();
}
