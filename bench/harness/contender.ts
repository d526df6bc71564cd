// What the harness knows of a column: something that answers requests one at a time and can be started afresh. How it answers is not its business.
import type { Reply, Request } from "../peers/serve.ts";

/** A column under measurement. */
export interface Contender {
  /** The column's id. */
  readonly id: string;
  /** The answer to `request`. @throws Lost when the column crashed, never started or did not answer in time; it is started afresh at the next request */
  ask(request: Request): Promise<Reply>;
  /** Forget everything: the next request meets a new process. */
  restart(): void;
  /** How the column calls itself, once it has started. */
  readonly title: string | undefined;
}

/** The column is gone; its message says why. */
export class Lost extends Error {}

/** What a column did in a row. `check` is its result's checksum, `kernels` the dispatches of one evaluation on a GPU, `low` and `high` the quartiles of `samples` measurements. */
export type Cell =
  | {
      readonly kind: "measured";
      readonly median: number;
      readonly low: number;
      readonly high: number;
      readonly samples: number;
      readonly check: number | undefined;
      readonly kernels?: number | undefined;
    }
  | { readonly kind: "unsupported"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string }
  /** Not asked to do this row. */
  | { readonly kind: "skipped" };
