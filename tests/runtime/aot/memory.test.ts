// The launcher's addresses: blocks never overlap, ranges that are given back become whole again, and there is an end.
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { addresses } from "../../../runtime/aot/memory.ts";

test("any order of taking and giving keeps blocks apart, and leaves nothing when all is given back", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(5000)), { maxLength: 120 }), steps => {
      let size = 4096;
      const a = addresses(size, more => (size += Math.max(more, 1024))),
        held = new Map<number, number>();
      for (const [take, n] of steps) {
        if (take || held.size === 0) {
          const at = a.take(n);
          if (at === undefined) throw new Error("a memory that grows is never full");
          const end = at + Math.max(1, n);
          assert.ok(at % 64 === 0 && at >= 64 && end <= size);
          for (const [b, e] of held) assert.ok(end <= b || e <= at, `${at}..${end} lies in ${b}..${e}`);
          held.set(at, end);
        } else {
          const at = [...held.keys()][n % held.size] ?? -1;
          a.give(at);
          held.delete(at);
        }
      }
      for (const at of held.keys()) a.give(at);
      assert.is(a.live(), 0);
      const whole = size - 64;
      assert.is(a.take(whole), 64, "the ranges are one again");
      assert.is(a.live(), whole);
    }),
    { numRuns: 200, seed: 5 },
  );
});
test("a memory that cannot grow is full, and goes on when something is given back", () => {
  const a = addresses(1024, () => 1024);
  assert.is(a.take(960), 64);
  assert.is(a.take(1), undefined);
  a.give(64);
  assert.is(a.take(1), 64);
});
test.run();
