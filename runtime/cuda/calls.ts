// The only way to the driver: every result code is checked and named here, and once the device is lost every call fails as the first did.
import { DeviceLostError } from "../errors/lost.ts";
import { codeName, losesDevice } from "./codes.ts";
import type { Driver, DriverCalls } from "./driver.ts";
import { CudaError } from "./error.ts";

const currentContext = new WeakMap<Driver, bigint>(); // of this thread: each thread that imports this module has its own

/** Checked calls on one device. */
export class Calls {
  readonly driver: Driver;
  /** How messages name the device. */
  name = "cuda";
  private context: bigint | undefined;
  private loss: { readonly reason: string; readonly cause: unknown } | undefined;
  private unreported: CudaError | undefined;

  constructor(driver: Driver) {
    this.driver = driver;
  }
  get lost(): boolean {
    return this.loss !== undefined;
  }
  /** Calls from now on are made in this context. */
  enter(context: bigint): void {
    this.context = context;
  }
  /** No calls any more: the device is gone for that reason. */
  close(reason: string): void {
    this.loss ??= { reason, cause: undefined };
  }
  /** @throws DeviceLostError once the device is lost */
  requireAlive(): void {
    if (this.loss) throw new DeviceLostError(this.name, this.loss.reason, this.loss.cause);
  }

  /** Make a call that must succeed. @throws CudaError, DeviceLostError */
  do<K extends keyof DriverCalls>(call: K, doing: string, ...args: Parameters<DriverCalls[K]>): void {
    const result = this.code(call, doing, args);
    if (result !== 0) throw new CudaError({ call, result, doing });
  }
  /** Make a call of which some failures are answers: gives `answers`' code or 0. @throws CudaError for others, DeviceLostError */
  ask<K extends keyof DriverCalls>(call: K, answers: readonly number[], doing: string, ...args: Parameters<DriverCalls[K]>): number {
    const result = this.code(call, doing, args);
    if (result !== 0 && !answers.includes(result)) throw new CudaError({ call, result, doing });
    return result;
  }
  /** Give a resource back: safe on a lost device (whose resources are gone), and never throws, since the collector calls it. A failure is kept for `report`. */
  free<K extends keyof DriverCalls>(call: K, doing: string, ...args: Parameters<DriverCalls[K]>): void {
    if (this.loss) return;
    try {
      this.do(call, doing, ...args);
    } catch (e) {
      if (e instanceof CudaError) this.unreported ??= e; // a loss is kept by `code`
    }
  }
  /** Throws what `free` could not. @throws CudaError, DeviceLostError */
  report(): void {
    this.requireAlive();
    const e = this.unreported;
    this.unreported = undefined;
    if (e) throw e;
  }

  private code<K extends keyof DriverCalls>(call: K, doing: string, args: Parameters<DriverCalls[K]>): number {
    this.requireAlive();
    const { driver, context } = this;
    let result = 0,
      at: keyof DriverCalls = call;
    if (context !== undefined && currentContext.get(driver) !== context) {
      result = driver.cuCtxSetCurrent(context);
      if (result === 0) currentContext.set(driver, context);
      else at = "cuCtxSetCurrent";
    }
    if (result === 0) result = (driver[call] as (...args: Parameters<DriverCalls[K]>) => number)(...args); // indexing by K loses that the call takes its own parameters
    if (losesDevice(result)) {
      this.loss = {
        reason: `${at} returned ${result} (${codeName(result)}) while ${doing}`,
        cause: new CudaError({ call: at, result, doing }),
      };
      this.requireAlive();
    }
    if (result !== 0 && at !== call) throw new CudaError({ call: at, result, doing });
    return result;
  }
}
