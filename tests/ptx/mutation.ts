// The mutation check: a program is run without each of the instructions that order its threads and copies in turn, and somebody must notice.
import * as assert from "uvu/assert";
import type { PtxArtifact } from "../../runtime/artifact.ts";
import { PtxFault } from "./device.ts";

/** Both orders in which the interpreter runs threads. */
export const SCHEDULES = ["forward", "reverse"] as const;
/** One of them. */
export type Schedule = (typeof SCHEDULES)[number];
/** What orders threads, copies and products. */
const ORDERS =
  /^\s*(?:@!?%p\d+ )?(bar\.sync|bar\.warp\.sync|cp\.async\.bulk\.(?:commit|wait)_group|cp\.async\.wait_group|cp\.async\.commit_group|mbarrier\.|fence\.|wgmma\.fence|wgmma\.commit_group|wgmma\.wait_group)/;

/** How many lines of the program order something, and those whose deletion nobody notices: under no schedule there is a fault, or a result that is not `right`. */
function missedBy(
  artifact: PtxArtifact,
  right: (artifact: PtxArtifact, schedule: Schedule) => boolean,
): { readonly all: number; readonly missed: readonly string[] } {
  const lines = artifact.text.split("\n"),
    places = lines.flatMap((line, i) => (ORDERS.test(line) ? [i] : []));
  const noticed = (text: string): boolean =>
    SCHEDULES.some(schedule => {
      try {
        return !right({ ...artifact, text }, schedule);
      } catch (e) {
        if (!(e instanceof PtxFault)) throw e;
        return true;
      }
    });
  const missed = places.filter(at => !noticed(lines.filter((_, i) => i !== at).join("\n")));
  return { all: places.length, missed: missed.map(i => `line ${i}: ${(lines[i] ?? "").trim()}`) };
}
/** The program is right as it is, under every schedule, and every deletion is noticed. How many there were, at least one. */
export function noticesAll(what: string, artifact: PtxArtifact, right: (artifact: PtxArtifact, schedule: Schedule) => boolean): number {
  assert.ok(
    SCHEDULES.every(schedule => right(artifact, schedule)),
    what,
  );
  const { all, missed } = missedBy(artifact, right);
  assert.ok(all > 0, what);
  assert.equal(missed, [], what);
  return all;
}
