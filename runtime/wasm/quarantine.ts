// Memory that was given back while commands still wait that may use it. It is nobody's until the last of them is finished; then it may be handed out
// again and written by the host at once. It knows numbers only.

/** Addresses in the order in which they were given back. */
export class Quarantine {
  /** Bytes waiting. */
  bytes = 0;
  private entries: { readonly address: number; readonly bytes: number; readonly command: number }[] = [];
  private first = 0;

  /** `address` may be used until `command` is finished. Commands never go down. */
  add(address: number, bytes: number, command: number): void {
    this.entries.push({ address, bytes, command });
    this.bytes += bytes;
  }
  /** Releases what no command after `done` can use. */
  drain(done: number, release: (address: number) => void): void {
    for (let e = this.entries[this.first]; e !== undefined && e.command <= done; e = this.entries[++this.first]) {
      this.bytes -= e.bytes;
      release(e.address);
    }
    if (this.first > 32 && this.first * 2 > this.entries.length) {
      this.entries = this.entries.slice(this.first);
      this.first = 0;
    }
  }
  /** The command after which at most `bytes` are left waiting; 0 when that is so now. */
  commandFor(bytes: number): number {
    let left = this.bytes,
      command = 0;
    for (let i = this.first; left > bytes; i++) {
      const e = this.entries[i];
      if (e === undefined) break;
      left -= e.bytes;
      ({ command } = e);
    }
    return command;
  }
}
