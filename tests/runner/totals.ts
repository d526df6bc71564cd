// What a test process said, as numbers: uvu's closing lines, the exit status, and every way in which the two can disagree.
// It trusts neither alone: uvu exits with 0 when a `before` hook throws, and a file that forgets `test.run()` prints nothing.

/** Counts of tests, of one file or of many. */
export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** How a process ended: by itself with a status, by a signal, or because its time was over. */
export type Ending =
  | { readonly kind: "exit"; readonly code: number }
  | { readonly kind: "signal"; readonly signal: string }
  | { readonly kind: "timeout"; readonly seconds: number };

/** A file's totals, and the reason when they hold a failure that no test of the file reported. */
export interface Outcome extends Totals {
  readonly trouble?: string;
}

/** No test at all. */
export const none: Totals = { passed: 0, failed: 0, skipped: 0 };

/** The sum of two totals. */
export function plus(a: Totals, b: Totals): Totals {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/** `3 passed, 0 failed`, and `, 1 skipped` when there is one. */
export function sentence({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/** Begins the line by which a test file says why it skips a test, or what of it; before it may stand who says so, and a colon. */
export const SKIPPED = "skipped: ";

/** The reasons for skipping that a file gave on its standard output, each once, in order. */
export function reasons(stdout: string): string[] {
  return [...new Set(stdout.split(/\r?\n/).filter(line => line.startsWith(SKIPPED) || line.includes(`: ${SKIPPED}`)))];
}

const summary = /^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)$/gm;

/** Reads what a uvu file printed to its standard output (without colours) and how it ended. A file that crashed, ran out of time, ran no test,
 *  or exited with a failure that no test shows has one failed test more, and a `trouble` that says so. */
export function outcome(stdout: string, ending: Ending): Outcome {
  const summaries = [...stdout.replaceAll("\r\n", "\n").matchAll(summary)];
  const [total = 0, passed = 0, skipped = 0] = summaries.length === 1 ? summaries[0]!.slice(1).map(Number) : []; // length 1 has an element 0
  const seen: Totals = { passed, failed: total - passed, skipped };
  const trouble = complaint(summaries.length, seen, ending);
  return trouble === undefined ? seen : { ...seen, failed: seen.failed + 1, trouble };
}

function complaint(summaries: number, seen: Totals, ending: Ending): string | undefined {
  switch (ending.kind) {
    case "timeout":
      return `did not end within ${ending.seconds} s`;
    case "signal":
      return `was ended by ${ending.signal}`;
    case "exit":
      if (summaries === 0) return ending.code === 0 ? "ran no test: does it end with test.run()?" : `crashed with exit code ${ending.code}`;
      if (summaries > 1) return `printed ${summaries} summaries: call every suite's run() in the same turn`;
      if (seen.passed + seen.failed + seen.skipped === 0) return "has no test in it";
      return ending.code !== 0 && seen.failed === 0 ? `passed its tests, but exited with code ${ending.code}` : undefined;
    default:
      throw new Error(`unknown ending ${JSON.stringify(ending satisfies never)}`);
  }
}
