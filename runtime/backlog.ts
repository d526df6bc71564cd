// Calls that wait for a device which works while the program goes on. A thread that may not wait for it, and never yields, would queue without end: from a limit on its
// calls are refused. What gives back, and what waits itself, is never refused.
import { PullbackError } from "./errors/error.ts";

/** Items in order; taking the first is cheap however many there are. */
export class Backlog<T> {
  private readonly device: string;
  private readonly limit: number;
  private items: T[] = [];
  private first = 0;

  /** `limit`: how many may wait before one more is refused. */
  constructor(device: string, limit: number) {
    this.device = device;
    this.limit = limit;
  }
  get length(): number {
    return this.items.length - this.first;
  }
  /** May one more call wait? `under` are on their way already. @throws E0708 */
  requireRoom(under = 0): void {
    if (this.length < this.limit) return;
    throw new PullbackError(
      "E0708",
      `${this.length + under} calls are queued on ${this.device}, and this thread, which may not wait for them, has not yielded`,
      { help: "wait inside the loop: await x.data(), or await device.sync()" },
    );
  }
  push(item: T): void {
    this.items.push(item);
  }
  shift(): T | undefined {
    const item = this.items[this.first];
    if (this.length > 0) this.first++;
    if (this.first > 32 && this.first * 2 > this.items.length) {
      this.items = this.items.slice(this.first);
      this.first = 0;
    }
    return item;
  }
  /** Takes all of them. */
  clear(): T[] {
    const all = this.items.slice(this.first);
    this.items = [];
    this.first = 0;
    return all;
  }
}
