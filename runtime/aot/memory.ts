// Addresses for a device's one memory: the first free range that is large enough. Knows numbers, not memory. A program of blocks that are used again step by step has few ranges;
// runtime/memory has the allocator for everything else.

/** Hands out multiples of 64. `grow` makes the memory larger by at least so many bytes, if it can, and gives its size. */
export interface Addresses {
  /** Undefined when there is no room. */
  take(bytes: number): number | undefined;
  give(at: number): void;
  /** Bytes handed out. */
  live(): number;
}
/** Addresses of a memory that has `size` bytes now. */
export function addresses(size: number, grow: (more: number) => number): Addresses {
  const used = new Map<number, number>();
  let free: (readonly [at: number, end: number])[] = [[64, size]]; // in order; address 0 stays empty
  let live = 0;
  const find = (bytes: number): number | undefined => {
    for (const [i, [at, end]] of free.entries())
      if (end - at >= bytes) {
        free.splice(i, 1, ...(end - at > bytes ? [[at + bytes, end] as const] : []));
        used.set(at, bytes);
        live += bytes;
        return at;
      }
    return undefined;
  };
  const add = (from: number, to: number): void => {
    let [at, end] = [from, to];
    free = free.filter(([a, e]) => {
      if (e === at) at = a;
      else if (a === end) end = e;
      else return true;
      return false;
    });
    const i = free.findIndex(([a]) => a > at);
    free.splice(i < 0 ? free.length : i, 0, [at, end]);
  };
  return {
    take(bytes) {
      const whole = Math.max(64, Math.ceil(bytes / 64) * 64),
        at = find(whole);
      if (at !== undefined) return at;
      const now = grow(whole);
      if (now > size) {
        add(size, now);
        size = now;
      }
      return find(whole);
    },
    give(at) {
      const bytes = used.get(at) ?? 0;
      used.delete(at);
      live -= bytes;
      add(at, at + bytes);
    },
    live: () => live,
  };
}
