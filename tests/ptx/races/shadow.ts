// What is remembered of each byte of a memory: who wrote it last and who has read it since. Kept a word at a time until something narrower touches the page.

const PAGE = 1024;
/** Of a record's flags: the last write was atomic; it went through the generic proxy (not by a bulk copy). */
export const ATOMIC = 1,
  GENERIC = 2;
/** Readers of a record that has several: (warp, lane or 32 for several, epoch) after one another. */
export type Readers = number[];

/** Records of 1024 bytes. A thread is warp * 32 + lane + 1, nobody 0; a reader below 0 is the number of a list, complemented. */
export class Page {
  grain: 4 | 1 = 4;
  writer: Int32Array = new Int32Array(PAGE / 4);
  wrote: Int32Array = new Int32Array(PAGE / 4);
  reader: Int32Array = new Int32Array(PAGE / 4);
  read: Int32Array = new Int32Array(PAGE / 4);
  flags: Uint8Array = new Uint8Array(PAGE / 4);
  /** From words to bytes. Lists of readers are copied: each byte has its own from now on. */
  split(lists: Readers[]): void {
    this.grain = 1;
    const wide = (a: Int32Array): Int32Array => Int32Array.from({ length: PAGE }, (_, i) => a[i >> 2] as number); // four a word
    this.writer = wide(this.writer);
    this.wrote = wide(this.wrote);
    this.read = wide(this.read);
    this.reader = wide(this.reader).map(r => (r < 0 ? ~(lists.push([...(lists[~r] ?? [])]) - 1) : r));
    const { flags } = this;
    this.flags = Uint8Array.from({ length: PAGE }, (_, i) => flags[i >> 2] as number); // likewise
  }
}

/** The records of one memory. */
export class Shadow {
  readonly lists: Readers[] = [];
  private readonly pages: (Page | undefined)[] = [];
  /** Calls `visit` for each record of a range. */
  forEach(at: number, bytes: number, visit: (p: Page, i: number, at: number) => void): void {
    const end = at + bytes;
    for (let a = at; a < end;) {
      const n = Math.floor(a / PAGE),
        page = (this.pages[n] ??= new Page());
      if (page.grain === 4 && ((a | bytes) & 3) !== 0) page.split(this.lists);
      const stop = Math.min(end, (n + 1) * PAGE);
      for (; a < stop; a += page.grain) visit(page, (a - n * PAGE) / page.grain, a);
    }
  }
}
