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
test("a small block that was given back serves the next request of its size, and is merged when a larger request needs it", () => {
  const a = new Allocator(0, 1024);
  const blocks = Array.from({ length: 16 }, () => a.allocate(64));
  for (const p of blocks.slice(0, 8)) a.release(p ?? -1);
  assert.is(a.allocate(50), blocks[7]);
  assert.throws(() => a.release(blocks[0] ?? -1), /not allocated/);
  assert.is(a.allocate(448), blocks[0]);
  assert.is(a.live, 1024);
  assert.is(a.allocate(1), undefined);
});
test("a request larger than any free block is refused, and works after extending", () => {
  const a = new Allocator(0, 1024);
  assert.is(a.allocate(2048), undefined);
  a.extend(4096);
  assert.is(typeof a.allocate(2048), "number");
});
test("a retracted end is never crossed again, whatever is in use beyond it, and may be extended once that is released", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(3000), { minLength: 1, maxLength: 60 }),
      fc.nat(1 << 16),
      fc.infiniteStream(fc.boolean()),
      (sizes, cut, coin) => {
        const a = new Allocator(0, 1 << 16),
          end = Math.floor(cut / 64) * 64;
        const live = sizes.flatMap(n => a.allocate(n) ?? []);
        const kept = live.filter(p => {
          if (coin.next().value === true) return true;
          a.release(p);
          return false;
        });
        a.retract(end);
        for (let p = a.allocate(64); p !== undefined; p = a.allocate(64)) {
          assert.ok(p + 64 <= end, `${p} is beyond ${end}`);
          kept.push(p);
        }
        for (const p of kept) a.release(p);
        assert.is(a.live, 0);
        assert.not(a.overhangs);
        assert.is(a.largest(), end);
        a.extend(1 << 16);
        assert.is(a.largest(), 1 << 16);
      },
    ),
  );
});
test("releasing an address that is not allocated is an internal error", () => {
  assert.throws(() => new Allocator(0, 1024).release(64), /not allocated/);
});

test.run();
