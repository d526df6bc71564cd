// What a driver hands out by number: every handle is fresh, so that a stale one is never taken for another object.

/** Live objects of every kind. */
export class Objects {
  private next = 0x5500_0000_0010n;
  private readonly live = new Map<bigint, { readonly kind: string; readonly object: unknown }>();

  /** A handle for `object`. */
  add(kind: string, object: unknown): bigint {
    const handle = this.next;
    this.next += 0x10n;
    this.live.set(handle, { kind, object });
    return handle;
  }
  /** The object of that kind, or undefined for any other number. */
  get<T>(kind: string, handle: bigint): T | undefined {
    const found = this.live.get(handle);
    return found?.kind === kind ? (found.object as T) : undefined; // objects of one kind are added with one type
  }
  /** Forget an object; false when it is not one. */
  remove(kind: string, handle: bigint): boolean {
    return this.live.get(handle)?.kind === kind && this.live.delete(handle);
  }
  /** How many are live, by kind. */
  counts(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { kind } of this.live.values()) counts[kind] = (counts[kind] ?? 0) + 1;
    return counts;
  }
}
