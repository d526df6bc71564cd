// Tests that need something this machine may lack: they run when it is there, and are counted as skipped, with the reason printed, when it is not.
import { test } from "uvu";
import { SKIPPED } from "../runner/totals.ts";
import type { Driver } from "./drivers.ts";

/** Tests over `drivers`: run with their paths, or skipped with the reason of the first that is missing. */
export function withDrivers(drivers: readonly Driver[]): (name: string, body: (...paths: string[]) => Promise<void> | void) => void {
  const paths = drivers.flatMap(d => (d.kind === "found" ? [d.path] : []));
  const reasons = drivers.flatMap(d => (d.kind === "missing" ? [d.reason] : []));
  return (name, body) => {
    if (reasons.length === 0) {
      test(name, () => body(...paths));
      return;
    }
    console.log(`${SKIPPED}${name}: ${reasons.join("; ")}`);
    test.skip(name);
  };
}
