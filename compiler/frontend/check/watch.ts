// Hears of files that change. Their folders are watched, not they themselves: editors put a new file in the place of the old one.
import { watch, type FSWatcher } from "node:fs";
import { dirname, join } from "node:path";

const pause = 50; // ms: a save is several events

/** A set of files that may grow. */
export class Watched {
  private readonly folders = new Map<string, FSWatcher>();
  private readonly changes = new Set<string>();
  private files: ReadonlySet<string> = new Set();
  private readonly changed: (files: readonly string[]) => void;
  /** `changed` is told which files changed, together when they changed together. */
  constructor(changed: (files: readonly string[]) => void) {
    this.changed = changed;
  }
  /** From now on these are the files. Absolute paths. */
  set(files: readonly string[]): void {
    this.files = new Set(files);
    for (const folder of new Set(files.map(f => dirname(f)))) {
      if (this.folders.has(folder)) continue;
      this.folders.set(
        folder,
        watch(folder, (_, name) => {
          if (name !== null) this.heard(join(folder, name));
        }),
      );
    }
  }
  private heard(file: string): void {
    if (!this.files.has(file)) return;
    if (this.changes.size === 0)
      setTimeout(() => {
        const files = [...this.changes];
        this.changes.clear();
        this.changed(files);
      }, pause);
    this.changes.add(file);
  }
}
