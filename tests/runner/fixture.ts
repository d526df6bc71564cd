// Test files that go right and wrong in every way, for the runner's own tests: which one is chosen by the argument.
import { spawn } from "node:child_process";
import { suite, test } from "uvu";
import * as assert from "uvu/assert";
import { withDrivers } from "../support/skip.ts";

const kinds: Readonly<Record<string, () => void>> = {
  pass: () => {
    test("a", () => {});
    test("b", () => {});
    test.run();
  },
  fail: () => {
    test("a", () => {});
    test("b", () => assert.is(1, 2));
    test.run();
  },
  skip: () => {
    test("a", () => {});
    test.skip("b", () => {});
    test.run();
  },
  lacking: () => {
    test("a", () => {});
    withDrivers([{ kind: "missing", reason: "there is no moon" }])("b", () => {});
    withDrivers([{ kind: "found", path: "sun" }])("c", path => assert.is(path, "sun"));
    test.run();
  },
  only: () => {
    test("a", () => {});
    test.only("b", () => {});
    test.run();
  },
  suites: () => {
    const other = suite("other");
    test("a", () => {});
    other("b", () => assert.is(1, 2));
    test.run();
    other.run();
  },
  before: () => {
    test.before(() => {
      throw new Error("no set-up");
    });
    test("a", () => {});
    test.run();
  },
  after: () => {
    test.after(() => {
      throw new Error("no tear-down");
    });
    test("a", () => {});
    test.run();
  },
  crash: () => {
    throw new Error("boom");
  },
  exit: () => {
    test("a", () => {});
    test.run();
    process.on("exit", () => {
      process.exitCode = 3;
    });
  },
  forgotten: () => {
    test("a", () => {});
  },
  empty: () => {
    test.run();
  },
  hang: () => {
    setInterval(() => {}, 1000);
  },
  abort: () => {
    process.kill(process.pid, "SIGTERM");
    setInterval(() => {}, 1000);
  },
  orphan: () => {
    spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "inherit" }).unref();
    test("a", () => {});
    test.run();
  },
};
const kind = kinds[process.argv[2] ?? ""];
if (kind === undefined) throw new Error(`there is no fixture ${process.argv[2]}`);
kind();
