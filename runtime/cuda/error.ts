// A refused driver call, told by name, and what was being done.
import { PullbackError } from "../errors/error.ts";
import { codeName } from "./codes.ts";
import type { DriverCalls } from "./driver.ts";

/** What a call returned, and during what. */
export interface CallFacts {
  readonly call: keyof DriverCalls;
  readonly result: number;
  readonly doing: string;
}
/** The driver refused a call; the device still works. */
export class CudaError extends PullbackError {
  readonly facts: CallFacts;
  constructor(facts: CallFacts, log = "") {
    super(
      "E0707",
      `${facts.call} returned ${facts.result} (${codeName(facts.result)}) while ${facts.doing}${log === "" ? "" : `\n${log}`}`,
    );
    this.name = "CudaError";
    this.facts = facts;
  }
}
