// What a device tells about where the time of its programs goes. How it finds out is its own business: `webgpu/profile.ts`, `cuda/profile.ts`.

/** All launches of one kernel. `timed` of the `launches` have a time by the device's own clock; `milliseconds` is theirs. */
export interface ProfileRow {
  readonly kernel: string;
  readonly launches: number;
  readonly timed: number;
  readonly milliseconds: number;
  /** Where the driver tells: what a launch takes of a processor. */
  readonly residency?: Residency;
}
/** `registers` of each thread, `sharedBytes` of each group, and how many `threads` and groups of it one processor holds at a time. */
export interface Residency {
  readonly threads: number;
  readonly registers: number;
  readonly sharedBytes: number;
  readonly groupsPerProcessor: number;
}
/** A profile that is being taken. `finish` waits for all work; its rows are sorted, the most expensive first. */
export interface Profiling {
  finish(): Promise<readonly ProfileRow[]>;
}
