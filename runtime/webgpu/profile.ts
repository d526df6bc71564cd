// Where the time goes, kernel by kernel, by the device's own clock. While a profile runs every dispatch has a pass of its own, which costs a little.
import { PullbackError } from "../errors/error.ts";
import type { ProfileRow } from "../profile.ts";
import { Usage, type GpuBuffer, type GpuEncoder, type GpuQuerySet, type GpuTimestampWrites } from "./api.ts";
import type { Staging } from "./staging.ts";
import type { Timeline } from "./timeline.ts";

const QUERIES = 4096; // the most a set may have: half as many dispatches; later ones of a submit are not timed, but counted

/** A profile that is being taken. */
export class Profile {
  private readonly timeline: Timeline;
  private readonly staging: Staging;
  private readonly queries: GpuQuerySet;
  private readonly rows = new Map<string, { launches: number; timed: number; nanoseconds: number }>();
  private readonly reads: Promise<void>[] = [];
  private names: string[] = [];

  /** @throws E0703 where the device has no timestamps */
  constructor(timeline: Timeline, staging: Staging) {
    if (!timeline.gpu.features.has("timestamp-query"))
      throw new PullbackError("E0703", "profiles need the feature timestamp-query, which the adapter does not have");
    this.timeline = timeline;
    this.staging = staging;
    this.queries = timeline.gpu.createQuerySet({ type: "timestamp", count: QUERIES });
  }
  /** Where the next dispatch's pass writes its times, while there is room. */
  next(kernel: string): GpuTimestampWrites | undefined {
    this.row(kernel).launches++;
    const at = 2 * this.names.length;
    if (at + 2 > QUERIES) return undefined;
    this.names.push(kernel);
    return { querySet: this.queries, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 };
  }
  /** At the end of a recording: its times are copied out. */
  resolve(encoder: GpuEncoder): void {
    const { names } = this,
      { buffers } = this.timeline;
    this.names = [];
    if (names.length === 0) return;
    const times = buffers.make("times", 16 * names.length, Usage.queryResolve | Usage.copySrc);
    encoder.resolveQuerySet(this.queries, 0, 2 * names.length, times, 0);
    this.reads.push(Promise.resolve().then(() => this.collect(names, times))); // after the recording is submitted
  }
  /** The rows, the most expensive first. @throws DeviceLostError, E0707 */
  async finish(): Promise<readonly ProfileRow[]> {
    await Promise.all(this.reads);
    this.queries.destroy();
    return [...this.rows]
      .map(([kernel, { launches, timed, nanoseconds }]) => ({ kernel, launches, timed, milliseconds: nanoseconds / 1e6 }))
      .sort((a, b) => b.milliseconds - a.milliseconds);
  }

  private async collect(names: readonly string[], times: GpuBuffer): Promise<void> {
    const bytes = await this.staging.fetch(times, 0, 16 * names.length);
    this.timeline.buffers.destroy(times);
    const ns = new BigUint64Array(bytes.buffer);
    names.forEach((name, i) => {
      const row = this.row(name);
      row.timed++;
      row.nanoseconds += Math.max(0, Number((ns[2 * i + 1] ?? 0n) - (ns[2 * i] ?? 0n)));
    });
  }
  private row(kernel: string): { launches: number; timed: number; nanoseconds: number } {
    let row = this.rows.get(kernel);
    if (!row) this.rows.set(kernel, (row = { launches: 0, timed: 0, nanoseconds: 0 }));
    return row;
  }
}
