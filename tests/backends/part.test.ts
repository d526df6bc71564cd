// Shares of the conformance suite: read from variables, and adding up to the whole.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { partOf, queryOf, shareOf, type Part } from "./part.ts";

test("without variables a part is a share of the samples of all primitives; CONFORMANCE=all is every sample", () => {
  assert.equal(
    partOf(() => undefined),
    { all: false, share: [0, 1] },
  );
  assert.equal(
    partOf(name => (name === "CONFORMANCE" ? "all" : undefined)),
    { all: true, share: [0, 1] },
  );
});
test("a part survives the query of a page", () => {
  for (const part of [
    { all: true, share: [2, 5] },
    { all: false, share: [0, 1] },
  ] as const) {
    const query = new URLSearchParams(queryOf(part));
    assert.equal(
      partOf(name => query.get(name)),
      part,
    );
  }
});
test("a share that is not k/n with k below n is refused", () => {
  for (const share of ["", "1", "3/3", "1/0", "-1/2", "a/b"])
    assert.throws(() => partOf(name => (name === "CONFORMANCE_SHARE" ? share : undefined)), /CONFORMANCE_SHARE is ".*": it is k\/n/);
});
test("shares of shares hold every primitive once", () => {
  const chosen = [0, 1, 2].flatMap(i =>
    [0, 1, 2, 3].map(k => {
      const [at, of]: Part["share"] = shareOf([i, 3], [k, 4]);
      return Array.from({ length: 50 }, (_, p) => p).filter(p => p % of === at);
    }),
  );
  assert.equal(
    chosen.flat().sort((a, b) => a - b),
    Array.from({ length: 50 }, (_, p) => p),
  );
});

test.run();
