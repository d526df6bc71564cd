// Runs a module of tests in Chromium and brings its results to uvu here. The module is an ordinary test file (`test` from uvu, `test.run()` at the end), named *.page.ts.
import { test } from "uvu";
import type { Browser, Page } from "playwright-core";
import { chromium } from "../support/drivers.ts";
import { SKIPPED } from "../runner/totals.ts";
import { buildPage, type Built } from "./build.ts";
import { lineOf, TELL, type Message, type Result } from "./channel.ts";
import { launch, type LaunchOptions } from "./chromium.ts";
import { serve, type ServeOptions } from "./serve.ts";

/** How a page is run. `query`: of its address. `seconds` is its time limit. `follow`: a line for each test as it ends. */
export interface PageOptions extends ServeOptions, LaunchOptions {
  readonly query?: string;
  readonly seconds?: number;
  readonly follow?: boolean;
  /** Does what the page asks for. */
  readonly asked?: (what: string, browser: Browser) => Promise<void>;
}
/** What a page did: its tests in order, the values it gave, what it printed to the console as `type: text`, in which browser. */
export interface PageRun {
  readonly tests: readonly Result[];
  readonly values: ReadonlyMap<string, unknown>;
  readonly console: readonly string[];
  readonly browser: string;
}

/** Serves and opens a built page in the Chromium at `path`, and waits for its end. @throws when the page fails outside its tests */
export async function runPage(path: string, { folder }: Built, options: PageOptions = {}): Promise<PageRun> {
  await using server = await serve(folder, options);
  await using browser = await launch(path, options);
  const page = await browser.newPage();
  const run = await follow(page, `${server.url}${options.query ? `?${options.query}` : ""}`, options, what =>
    options.asked ? options.asked(what, browser) : Promise.reject(new Error(`the page asks for "${what}", which this test cannot do`)),
  );
  return { ...run, browser: `Chromium ${browser.version()}` };
}

/** Builds `module` (a path from the root) and runs it once for each way to serve and start it. Every test of the page becomes a test here, under the name of that way;
 *  what it prints is printed. Gives the runs by name; skipped, and empty, where there is no Chromium. */
export async function pageTests(module: string, ways: Readonly<Record<string, PageOptions>>): Promise<ReadonlyMap<string, PageRun>> {
  const driver = chromium();
  const runs = new Map<string, PageRun>();
  if (driver.kind === "missing") {
    console.log(`${SKIPPED}${module}: ${driver.reason}`);
    test.skip(module);
    return runs;
  }
  await using built = await buildPage(module);
  for (const [name, options] of Object.entries(ways)) {
    const run = await runPage(driver.path, built, options);
    runs.set(name, run);
    for (const line of run.console) console.log(`${name}: ${line}`);
    for (const t of run.tests) here(`${name}: ${t.name}`, t);
  }
  return runs;
}
function here(name: string, result: Result): void {
  if (result.kind === "skip") test.skip(name);
  else
    test(name, () => {
      if (result.error === undefined) return;
      const error = new Error(result.error);
      error.stack = ""; // the page's own is in the message
      throw error;
    });
}

async function follow(
  page: Page,
  url: string,
  options: PageOptions,
  asked: (what: string) => Promise<void>,
): Promise<Omit<PageRun, "browser">> {
  const { seconds = 240 } = options;
  const tests: Result[] = [],
    values = new Map<string, unknown>(),
    lines: string[] = [];
  page.on("console", message => lines.push(`${message.type()}: ${message.text()}`));
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string): void =>
        reject(new Error(`${why}\nafter ${tests.length} tests, the last ${tests.at(-1)?.name ?? "none"}\n${lines.join("\n")}`));
      timer = setTimeout(() => fail(`the page did not end within ${seconds} s`), seconds * 1000);
      page.on("pageerror", error => fail(`the page failed: ${error.stack ?? error.message}`));
      page.on("crash", () => fail("the page crashed"));
      const hear = (message: Message): void | Promise<void> => {
        switch (message.kind) {
          case "test":
          case "skip":
            tests.push(message);
            if (options.follow) console.log(lineOf(message));
            return;
          case "value":
            values.set(message.name, message.value);
            return;
          case "ask":
            return asked(message.what);
          case "done":
            resolve();
            return;
          default:
            fail(`the page said ${JSON.stringify(message satisfies never)}`);
        }
      };
      page
        .exposeFunction(TELL, hear)
        .then(() => page.goto(url))
        .then(undefined, reject);
    });
  } finally {
    clearTimeout(timer);
  }
  return { tests, values, console: lines };
}
