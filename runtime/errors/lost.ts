// The device is gone: what was on it cannot be read, and every later call on it fails in the same words.
import { PullbackError } from "./error.ts";

/** The driver, the browser or a program's own fault took the device away. `cause` is what was seen first. */
export class DeviceLostError extends PullbackError {
  constructor(device: string, reason: string, cause?: unknown) {
    super("E0704", `the device ${device} was lost: ${reason}`, {
      help: "make a new device and go on from the last checkpoint; tensors on the lost one can only be disposed",
      ...(cause === undefined ? {} : { cause }),
    });
    this.name = "DeviceLostError";
  }
}
