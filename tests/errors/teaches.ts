// How an error is held to its promise: the code, both facts, the user's line with a caret on what was called, and a remedy. One test file a code.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ErrorCode } from "../../runtime/errors/codes.ts";
import { PullbackError } from "../../runtime/errors/error.ts";

/** What the user is to be told. `at` is the source text under the caret, on a line of the test itself; absent where no line of the user's is at fault. */
export interface Lesson {
  readonly fact: string;
  readonly help?: string;
  readonly at?: string;
}

/** A test: `provoke` throws (or rejects with) this error and nothing else. `file` is the caller's import.meta.url; `register` makes the test, where that needs a device. */
export function teaches(
  code: ErrorCode,
  sentence: string,
  file: string,
  provoke: () => unknown,
  lesson: Lesson,
  register: (name: string, body: () => Promise<void>) => void = test,
): void {
  register(sentence, async () => {
    const error = await caught(provoke);
    assert.instance(error, PullbackError);
    const { code: got, help, at, message } = error as PullbackError; // an instance, as the line before has checked
    assert.is(got, code);
    assert.is(message.split(/\n  (?=\S+:\d+:\d+\n|help: )/)[0], `${code}: ${lesson.fact}`);
    assert.is(help, lesson.help);
    if (lesson.at === undefined) return;
    assert.is(at?.file.endsWith(`${code}.test.ts`), true, `the place is ${at?.file}, not the test`);
    const line = readFileSync(fileURLToPath(file), "utf8").split("\n")[(at?.line ?? 0) - 1] ?? "";
    const under = line.slice((at?.column ?? 0) - 1);
    assert.ok(under.startsWith(lesson.at), `the caret is under "${under}", not under "${lesson.at}"`);
  });
}

async function caught(provoke: () => unknown): Promise<unknown> {
  try {
    await provoke();
  } catch (error) {
    return error;
  }
  return undefined;
}
