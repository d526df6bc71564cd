// Lanes that look at each other, barriers, and control flow that parts them.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PtxFault, type FaultKind } from "../device.ts";
import { runBody, wordsAt, type Body } from "../harness.ts";

const range = (n: number, f: (i: number) => number = i => i): number[] => Array.from({ length: n }, (_, i) => f(i));
const fault = (statements: string, kind: FaultKind, what: RegExp, o: Body = {}): void => {
  try {
    runBody(statements, o);
  } catch (e) {
    assert.instance(e, PtxFault);
    assert.is((e as PtxFault).kind, kind, String(e)); // an instance, as just seen
    assert.match(String(e), what);
    return;
  }
  assert.unreachable(`no fault: ${statements}`);
};

test("shfl moves values up, down, across and from a lane, within segments", () => {
  const lane = (mode: string, b: string, c: number): number[] =>
    wordsAt(runBody(`shfl.sync.${mode}.b32 %r0|%p0, %tid, ${b}, ${c}, -1; selp.b32 %r1, %r0, 99, %p0; st.global.u32 [%me], %r1;`), 0, 32);
  assert.equal(
    lane("up", "1", 0),
    range(32, i => (i < 1 ? 99 : i - 1)),
  );
  assert.equal(
    lane("down", "4", 31),
    range(32, i => (i + 4 > 31 ? 99 : i + 4)),
  );
  assert.equal(
    lane("bfly", "5", 31),
    range(32, i => i ^ 5),
  );
  assert.equal(
    lane("idx", "3", 31),
    range(32, () => 3),
  );
  // segments of 8: the mask in bits 8–12 is 0b11000
  assert.equal(
    lane("idx", "2", 0x1807),
    range(32, i => (i & 24) | 2),
  );
  assert.equal(
    lane("down", "1", 0x1807),
    range(32, i => ((i & 7) === 7 ? 99 : i + 1)),
  );
  assert.equal(
    lane("up", "2", 0x1800),
    range(32, i => ((i & 7) < 2 ? 99 : i - 2)),
  );
});
test("vote, match, redux, elect, activemask", () => {
  const v = runBody(
    `and.b32 %r0, %tid, 3; setp.eq.u32 %p0, %r0, 1; vote.sync.ballot.b32 %r1, %p0, -1; vote.sync.any.pred %p1, %p0, -1; vote.sync.all.pred %p2, %p0, -1; vote.sync.uni.pred %p3, %p0, -1;
     selp.b32 %r2, 1, 0, %p1; selp.b32 %r3, 2, 0, %p2; add.u32 %r2, %r2, %r3; selp.b32 %r3, 4, 0, %p3; add.u32 %r2, %r2, %r3;
     match.any.sync.b32 %r4, %r0, -1; match.all.sync.b32 %r5|%p4, 7, -1; redux.sync.add.s32 %r6, %tid, -1; redux.sync.max.u32 %r7, %tid, -1; redux.sync.min.s32 %r8, %tid, -1;
     redux.sync.xor.b32 %r9, %tid, -1; elect.sync _|%p5, -1; selp.b32 %r10, 1, 0, %p5; activemask.b32 %r11;
     setp.eq.u32 %p6, %tid, 5; @!%p6 bra $end;
     st.global.u32 [%out], %r1; st.global.u32 [%out+4], %r2; st.global.u32 [%out+8], %r4; st.global.u32 [%out+12], %r5; st.global.u32 [%out+16], %r6; st.global.u32 [%out+20], %r7; st.global.u32 [%out+24], %r8;
     st.global.u32 [%out+28], %r9; st.global.u32 [%out+32], %r10; st.global.u32 [%out+36], %r11;
     $end:`,
  );
  assert.equal(wordsAt(v, 0, 10), [0x22222222, 1, 0x22222222, 0xffffffff, 496, 31, 0, 0, 0, 0xffffffff]);
});
test("lanes of a divergent branch run apart and wait for each other where they must", () => {
  // lanes below 20 loop as often as their number says; the shuffle after waits for them all
  const v = runBody(
    `mov.u32 %r0, 0; setp.ge.u32 %p0, %tid, 20; @%p0 bra $high;
     $loop: setp.ge.u32 %p1, %r0, %tid; @%p1 bra $join; add.u32 %r0, %r0, 1; bra.uni $loop;
     $high: mov.u32 %r0, 100;
     $join: shfl.sync.bfly.b32 %r1, %r0, 16, 31, -1; st.global.u32 [%me], %r1;`,
  );
  assert.equal(
    wordsAt(v, 0, 32),
    range(32, i => ((i ^ 16) < 20 ? i ^ 16 : 100)),
  );
});
test("a branch back to code before the other side still joins, and exits take lanes out", () => {
  const v = runBody(
    `mov.u32 %r0, 0; bra $test;
     $body: add.u32 %r0, %r0, %tid; setp.eq.u32 %p0, %r0, 12; @%p0 exit;
     $test: setp.lt.u32 %p1, %r0, 30; setp.ne.and.u32 %p1, %tid, 0, %p1; @%p1 bra $body;
     st.global.u32 [%me], %r0; ret;`,
    { words: range(32, () => 7) },
  );
  // 1, 2, 3, 4, 6 and 12 meet 12 and leave
  assert.equal(
    wordsAt(v, 0, 14),
    range(14, i => (i === 0 ? 0 : 12 % i === 0 ? 7 : Math.ceil(30 / i) * i)),
  );
});
test("bar.red counts and combines over the block, bar.arrive lets others go on", () => {
  const v = runBody(
    `setp.lt.u32 %p0, %tid, 40; bar.red.popc.u32 %r0, 1, %p0; bar.red.and.pred %p1, 1, %p0; bar.red.or.pred %p2, 1, %p0; selp.b32 %r1, 1, 0, %p1; selp.b32 %r2, 2, 0, %p2; add.u32 %r1, %r1, %r2; st.global.v2.u32 [%out], {%r0, %r1};`,
    { block: 64, device: { races: false } },
  );
  assert.equal(wordsAt(v, 0, 2), [40, 2]);
  const w = runBody(
    `.shared .b32 s; setp.ge.u32 %p0, %tid, 32; @%p0 bra $reader; setp.eq.u32 %p1, %tid, 0; @%p1 st.shared.u32 [s], 42; bar.arrive 3, 64; bra $end;
     $reader: bar.sync 3, 64; ld.shared.u32 %r0, [s]; st.global.u32 [%me], %r0; $end: ret;`,
    { block: 64 },
  );
  assert.equal(wordsAt(w, 128, 2), [42, 42]);
  const x = runBody(
    `.shared .b32 s; setp.ge.u32 %p0, %tid, 32; @%p0 bra $end; st.global.u32 [%me], 1; barrier.sync.aligned 0; barrier.sync 0; $end: ret;`,
    { block: 64 },
  );
  assert.equal(wordsAt(x, 0, 1), [1]);
});
test("what has no meaning is a fault", () => {
  fault(
    "setp.lt.u32 %p0, %tid, 8; @%p0 shfl.sync.bfly.b32 %r0, %tid, 16, 31, 0xff;",
    "divergence",
    /lane 0 reads lane 16, which is not active/,
  );
  fault(
    "setp.lt.u32 %p0, %tid, 8; @%p0 bra $a; shfl.sync.idx.b32 %r0, %tid, 0, 31, -1; ret; $a: shfl.sync.idx.b32 %r0, %tid, 0, 31, -1;",
    "divergence",
    /wait for each other/,
  );
  fault("setp.lt.u32 %p0, %tid, 8; @%p0 vote.sync.any.pred %p1, %p0, 3;", "divergence", /not in its member mask/);
  fault("bar.sync 16;", "barrier", /does not exist/);
  fault("bar.sync 1, 40;", "barrier", /multiple of the 32/);
  fault("setp.eq.u32 %p0, %tid, 40; @%p0 bra $w; bar.warp.sync -1; $w: bar.sync 0;", "divergence", /all lanes of the warp/, { block: 64 });
  fault("$l: bra $l;", "limit", /has run for/);
  fault("trap;", "launch", /trap/);
});
test("fences, hints and register counts are taken", () => {
  runBody(
    "membar.gl; membar.cta; fence.acq_rel.gpu; fence.sc.cta; fence.proxy.async; nanosleep.u32 10; setmaxnreg.dec.sync.aligned.u32 40; setmaxnreg.inc.sync.aligned.u32 232; griddepcontrol.wait; griddepcontrol.launch_dependents; bar.warp.sync -1; discard.global.L2 [%out], 128; applypriority.global.L2::evict_normal [%out], 128;",
  );
});
test.run();
