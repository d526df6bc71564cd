// The allocator never hands out overlapping blocks, merges what is freed, and says so when it is full.
import { test } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { Allocator } from "../../../runtime/memory/allocator.ts";

test("blocks never overlap, are aligned, and everything freed is one block again", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.record({ take: fc.nat(9000) }), fc.record({ free: fc.nat(100) })), { maxLength: 200 }), actions => {
      const a = new Allocator(100, 1 << 17);
      const whole = a.largest();
      const live = new Map<number, number>();
      for (const action of actions) {
        if ("take" in action) {
          const p = a.allocate(action.take);
          if (p === undefined) continue;
          assert.is(p % 64, 0);
          for (const [q, n] of live) assert.ok(p >= q + n || q >= p + action.take, `[${p}, +${action.take}) overlaps [${q}, +${n})`);
          live.set(p, action.take);
        } else if (live.size > 0) {
          const p = [...live.keys()][action.free % live.size];
          if (p === undefined) continue;
          a.release(p);
          live.delete(p);
        }
      }
      for (const p of live.keys()) a.release(p);
      assert.is(a.live, 0);
      assert.is(a.largest(), whole);
    }),
  );
});
test("a request larger than any free block is refused, and works after extending", () => {
  const a = new Allocator(0, 1024);
  assert.is(a.allocate(2048), undefined);
  a.extend(4096);
  assert.is(typeof a.allocate(2048), "number");
});
test("releasing an address that is not allocated is an internal error", () => {
  assert.throws(() => new Allocator(0, 1024).release(64), /not allocated/);
});

test.run();
