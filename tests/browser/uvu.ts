// Stands in for uvu in a page: the same `test`, which tells each result to the test outside instead of printing it. The bundler puts it in uvu's place.
import { tell } from "./channel.ts";

type Body = () => unknown;
interface Case {
  readonly name: string;
  /** Absent: to be skipped. */
  readonly body?: Body;
}
/** The part of uvu that test modules use. */
export interface Test {
  (name: string, body: Body): void;
  skip(name?: string, body?: Body): void;
  before(body: Body): void;
  after(body: Body): void;
  run(): void;
}

const cases: Case[] = [],
  before: Body[] = [],
  after: Body[] = [];

async function attempt(name: string, body: Body): Promise<void> {
  const start = performance.now();
  const seconds = (): number => (performance.now() - start) / 1000;
  try {
    await body();
    await tell({ kind: "test", name, seconds: seconds() });
  } catch (e) {
    await tell({ kind: "test", name, seconds: seconds(), error: e instanceof Error ? `${e.stack ?? e.message}${compared(e)}` : String(e) });
  }
}
/** Both sides of a failed comparison. */
function compared(e: Error): string {
  if (!("expects" in e && "actual" in e)) return "";
  return `\nexpected ${JSON.stringify(e.expects)}\nactual   ${JSON.stringify(e.actual)}`;
}
async function runAll(): Promise<void> {
  for (const hook of before) await hook();
  for (const { name, body } of cases) {
    if (body === undefined) await tell({ kind: "skip", name });
    else await attempt(name, body);
  }
  for (const hook of after) await hook();
  await tell({ kind: "done" });
}

/** See uvu. A hook that throws is an error of the page. */
export const test: Test = Object.assign((name: string, body: Body) => void cases.push({ name, body }), {
  skip: (name = "a test without a name") => void cases.push({ name }),
  before: (body: Body) => void before.push(body),
  after: (body: Body) => void after.push(body),
  run: () => {
    setTimeout(() => {
      void runAll().catch((e: unknown) => {
        reportError(e);
      });
    }, 0);
  },
});
