// Faults on demand: a driver whose calls fail as a rule says, everything else being the driver behind it.
import type { Driver, DriverCalls } from "../../runtime/cuda/driver.ts";

/** The code that this call is to return, if not its own. `n`: calls so far, this one included; `of`: calls of that name. */
export type FaultRule = (call: keyof DriverCalls, n: number, of: number) => number | undefined;

/** Calls that give something back do so in any case: the code tells of earlier work. */
const gives = /Free|Destroy|Unload|Release/;

/** `driver` with faults, and a count of its calls. */
export function withFaults(driver: Driver, rule: FaultRule): { readonly driver: Driver; readonly count: () => number } {
  let n = 0;
  const of = new Map<string, number>();
  const faulty = new Proxy(driver, {
    get(target, key: string) {
      const real = target[key as keyof Driver] as (...args: unknown[]) => number; // every property of a driver is a function
      if (!key.startsWith("cu")) return real.bind(target);
      return (...args: unknown[]): number => {
        of.set(key, (of.get(key) ?? 0) + 1);
        const code = rule(key as keyof DriverCalls, ++n, of.get(key) ?? 0); // the name begins with cu
        if (code !== undefined && !gives.test(key)) return code;
        const own = real.apply(target, args);
        return code ?? own;
      };
    },
  });
  return { driver: faulty, count: () => n };
}
/** The `n`th call fails with `code`. */
export const failCall =
  (n: number, code: number): FaultRule =>
  (_, at) =>
    at === n ? code : undefined;
/** The `n`th call of that name fails with `code`. */
export const failCallOf =
  (name: keyof DriverCalls, n: number, code: number): FaultRule =>
  (call, _, of) =>
    call === name && of === n ? code : undefined;
/** From the `n`th call on nothing works: the device is gone. */
export const loseDevice =
  (n: number, code = 999): FaultRule =>
  (_, at) =>
    at >= n ? code : undefined;
