// Columns that only pretend to work, for the tests of the harness. Their log shows in which order they were asked.
import type { Contender } from "../../bench/harness/contender.ts";
import { Lost } from "../../bench/harness/contender.ts";
import type { Reply, Request } from "../../bench/peers/serve.ts";

/** How a fake behaves: the time that each evaluation pretends to take, and what goes wrong. */
export interface Behaviour {
  readonly id: string;
  readonly ms: (sample: number) => number;
  readonly check?: number;
  readonly prepare?: Reply;
  /** Crash at the sample of this number. */
  readonly crashAt?: number;
}

/** A contender that answers as told and writes "id:request" into `log`. */
export function fake(behaviour: Behaviour, log: string[]): Contender {
  let samples = 0;
  return {
    id: behaviour.id,
    title: behaviour.id,
    restart: () => {
      log.push(`${behaviour.id}:restart`);
    },
    ask: async (request: Request): Promise<Reply> => {
      log.push(`${behaviour.id}:${request.kind}`);
      switch (request.kind) {
        case "prepare":
          return behaviour.prepare ?? { kind: "prepared", ...(behaviour.check === undefined ? {} : { check: behaviour.check }) };
        case "sample": {
          const n = samples++;
          if (n === behaviour.crashAt) throw new Lost("it crashed (SIGSEGV)");
          return { kind: "sampled", value: behaviour.ms(n) };
        }
        case "release":
          return { kind: "released" };
        default:
          return request satisfies never;
      }
    },
  };
}
