// Control memory of a program with regions: for each region a flag (is it on?), for each of its dispatches the size it has when on, and the indirect arguments
// that a gate makes of both. It is its own buffer, since no dispatch may read its size from a buffer that it may write.
import { Usage, type GpuBuffer } from "./api.ts";
import { split, type Dispatch, type Region } from "./plan.ts";
import type { Timeline } from "./timeline.ts";

/** See above. Offsets are in words. */
export class Control {
  readonly buffer: GpuBuffer;
  private readonly regions: readonly Region[];
  private readonly dispatches: number;

  constructor({ gpu, buffers }: Timeline, regions: readonly Region[]) {
    this.regions = regions;
    this.dispatches = regions.reduce((sum, r, i) => (i === 0 ? sum : sum + r.groups.length), 0);
    const words = new Uint32Array(regions.length + 6 * this.dispatches);
    words[0] = 1; // what is in no region is always on
    regions.forEach(({ first, groups }, i) => {
      if (i > 0) groups.forEach((n, k) => words.set([...split(n), 1], this.sizes(first + k)));
    });
    const usage = Usage.storage | Usage.indirect | Usage.copyDst | Usage.copySrc;
    this.buffer = buffers.make("control", words.byteLength, usage);
    gpu.queue.writeBuffer(this.buffer, 0, words);
  }
  /** First word of a region's sizes, of its arguments, and how many words each. */
  range(region: number): readonly [sizes: number, arguments_: number, words: number] {
    const { first = 0, groups = [] } = this.regions[region] ?? {};
    return [this.sizes(first), this.sizes(first + this.dispatches), 3 * groups.length];
  }
  /** The word of a dispatch's indirect arguments. */
  arguments({ region, at }: Dispatch): number {
    return this.sizes((this.regions[region]?.first ?? 0) + at + this.dispatches);
  }
  private sizes(dispatch: number): number {
    return this.regions.length + 3 * dispatch;
  }
}
