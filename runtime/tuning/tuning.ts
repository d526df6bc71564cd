// What a device offers to whoever chooses between several kernels that give the same: a clock, and a memory of what was chosen before. Only where its user asked for that.
import type { DeviceArray, Executable } from "../device.ts";
import { storedChoices, type Choices } from "./choices.ts";

/** `cache`: the file that choices are kept in (default: `pullback/tuning.json` in the user's folder for caches; in a page, `localStorage`); false keeps them in memory only. */
export interface TuneOptions {
  readonly cache?: string | false;
}
/** See above. */
export interface Tuning {
  readonly choices: Choices;
  /** Milliseconds that the device works on one run of `exe`, as the mean of `times` runs in a row. A device that may wait answers at once. Throws, or rejects, when the program cannot be run. */
  measure(exe: Executable, inputs: readonly DeviceArray[], times: number): number | Promise<number>;
}
/** The tuning that a device's options ask for. `identity`: card and driver, on which the answers depend. */
export function tuningFor(tune: boolean | TuneOptions | undefined, identity: string, measure: Tuning["measure"]): Tuning | undefined {
  if (tune === undefined || tune === false) return undefined;
  return { choices: storedChoices(identity, tune === true ? undefined : tune.cache), measure };
}
