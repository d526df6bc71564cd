// Happens-before, by vector clocks. A warp counts epochs; a barrier tells each warp of it the epochs of the others. Warps of other clusters are known only by way of
// atomics. Lanes of one warp are ordered by barriers and bar.warp.sync, not by executing together.

/** What a warp knows: for each warp of its cluster the last epoch that happened before, likewise the last whose generic writes are visible to asynchronous copies, and epochs of warps elsewhere. */
export interface Knowledge {
  readonly first: number;
  readonly seen: Int32Array;
  readonly fenced: Int32Array;
  readonly far: Map<number, number>;
}

/** The clock of a warp. Warps are numbered over the launch, those of a cluster in one run from `first`. */
export class Clock implements Knowledge {
  readonly number: number;
  readonly first: number;
  readonly seen: Int32Array;
  readonly fenced: Int32Array;
  readonly far: Map<number, number> = new Map();
  epoch = 1;
  /** The epoch since which the lanes have not met. */
  lanesMet = 0;
  /** What others learn through atomics: the knowledge at the last fence; and what was learned through them, to be known from the next fence on. */
  published: Knowledge | undefined = undefined;
  readonly heard: Knowledge[] = [];
  constructor(number: number, first: number, warps: number) {
    this.number = number;
    this.first = first;
    this.seen = new Int32Array(warps);
    this.fenced = new Int32Array(warps);
  }
  /** Did epoch `epoch` of lane `lane` (32: several) of warp `warp` happen before what lane `mine` does now? */
  after(warp: number, lane: number, epoch: number, mine: number): boolean {
    if (warp === this.number) return lane === mine || epoch < this.lanesMet;
    const i = warp - this.first;
    if (i >= 0 && i < this.seen.length) return epoch <= (this.seen[i] as number); // in range
    return epoch <= (this.far.get(warp) ?? 0);
  }
  /** Are the generic writes of that epoch visible to the asynchronous proxy of this warp? */
  isFenced(warp: number, epoch: number): boolean {
    const i = warp - this.first;
    return i < 0 || i >= this.fenced.length || epoch <= (this.fenced[i] as number); // in range
  }
  /** A copy of what it knows, with its own epoch; a new epoch begins. */
  tell(): Knowledge {
    this.seen[this.number - this.first] = this.epoch;
    const k = { first: this.first, seen: this.seen.slice(), fenced: this.fenced.slice(), far: new Map(this.far) };
    this.epoch++;
    return k;
  }
  learn(k: Knowledge): void {
    if (k.first === this.first) {
      join(this.seen, k.seen);
      join(this.fenced, k.fenced);
    } else k.seen.forEach((e, i) => this.hear(k.first + i, e));
    for (const [warp, e] of k.far) this.hear(warp, e);
  }
  private hear(warp: number, epoch: number): void {
    const i = warp - this.first;
    if (i >= 0 && i < this.seen.length) this.seen[i] = Math.max(this.seen[i] as number, epoch); // in range
    else if (epoch > (this.far.get(warp) ?? 0)) this.far.set(warp, epoch);
  }
  meetLanes(): void {
    this.epoch++;
    this.lanesMet = this.epoch;
  }
  fence(): void {
    for (const k of this.heard.splice(0)) this.learn(k);
    this.published = this.tell();
  }
  fenceProxy(): void {
    join(this.fenced, this.seen);
    this.fenced[this.number - this.first] = this.epoch;
    this.epoch++;
  }
}
/** Each entry the later of the two. */
export function join(into: Int32Array, from: Int32Array): void {
  for (let i = 0; i < into.length; i++) if ((from[i] as number) > (into[i] as number)) into[i] = from[i] as number; // equally long
}
/** What two know together, of the same cluster or not. */
export function merge(a: Knowledge | undefined, b: Knowledge): Knowledge {
  if (!a) return b;
  const c = new Clock(a.first, a.first, a.seen.length);
  c.learn(a);
  c.learn(b);
  return c;
}
