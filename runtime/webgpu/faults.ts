// Faults on request, so that tests can fail every allocation and every submit of a program in turn. Without a plan it costs two comparisons.
import { PullbackError } from "../errors/error.ts";

/** Which ones fail, counted from 1 from the moment the plan is set. */
export interface FaultPlan {
  readonly allocation?: number;
  readonly submit?: number;
}

/** Counts towards the faults of a plan. */
export class Faults {
  private allocations = 0;
  private submits = 0;
  private plan: FaultPlan = {};

  /** From now on, these. */
  set(plan: FaultPlan): void {
    this.plan = plan;
    this.allocations = 0;
    this.submits = 0;
  }
  /** True when this allocation is to fail. */
  allocation(): boolean {
    return this.plan.allocation !== undefined && ++this.allocations === this.plan.allocation;
  }
  /** @throws E0707 when this submit is to fail */
  submit(): void {
    if (this.plan.submit !== undefined && ++this.submits === this.plan.submit)
      throw new PullbackError("E0707", `submit ${this.submits} failed, as the test asked`);
  }
}
