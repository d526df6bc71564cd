// Asynchronous copies, the barriers that count them, tensor maps, and clusters: right results whether copies land as early or as late as they may.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PtxFault, type FaultKind } from "../device.ts";
import { floatsAt, runBody, wordsAt, type Body } from "../harness.ts";
import { decodeTensorMap, encodeTensorMap, type TensorMap } from "../tensormap.ts";

const range = (n: number, f: (i: number) => number = i => i): number[] => Array.from({ length: n }, (_, i) => f(i));
/** The kernel under every choice that a device has, with the race detector. */
function always(statements: string, o: Body, check: (v: DataView) => void): void {
  for (const copies of ["early", "late"] as const)
    for (const schedule of ["forward", "reverse", { seed: 5 }] as const)
      check(runBody(statements, { ...o, device: { ...o.device, copies, schedule } }));
}
const fault = (statements: string, kind: FaultKind, what: RegExp, o: Body = {}): void => {
  try {
    runBody(statements, o);
  } catch (e) {
    assert.instance(e, PtxFault, String(e));
    assert.is((e as PtxFault).kind, kind, String(e)); // an instance, as just seen
    assert.match(String(e), what);
    return;
  }
  assert.unreachable(`no fault: ${statements}`);
};

test("cp.async copies by groups, and fills with zeros what its source has not", () => {
  const text = `.shared .align 16 .b8 s[1024]; mov.u32 %r0, s; mad.lo.u32 %r1, %tid, 16, %r0; mad.wide.u32 %rd0, %tid, 16, %out;
    cp.async.cg.shared.global [%r1], [%rd0], 16; cp.async.commit_group;
    and.b32 %r2, %tid, 15; cp.async.cg.shared.global.L2::128B [%r1+512], [%rd0+512], 16, %r2; cp.async.commit_group;
    cp.async.wait_group 1; ld.shared.u32 %r3, [%r1+4]; st.global.u32 [%me+1024], %r3;
    cp.async.wait_group 0; ld.shared.u32 %r4, [%r1+516]; st.global.u32 [%me+1152], %r4;
    cp.async.ca.shared.global [%r1], [%rd0+8], 4; cp.async.wait_all; ld.shared.u32 %r5, [%r1]; st.global.u32 [%me+1280], %r5;`;
  always(text, { words: range(256) }, v => {
    assert.equal(
      wordsAt(v, 1024, 32),
      range(32, i => 4 * i + 1),
    );
    assert.equal(
      wordsAt(v, 1152, 32),
      range(32, i => ((i & 15) >= 8 ? 128 + 4 * i + 1 : (128 + 4 * i + 1) & (2 ** (8 * Math.max(0, (i & 15) - 4)) - 1))),
    );
    assert.equal(
      wordsAt(v, 1280, 32),
      range(32, i => 4 * i + 2),
    );
  });
});
test("late copies are not there before they are waited for", () => {
  const text = `.shared .align 16 .b8 s[16]; mov.u32 %r0, s; mov.u32 %r1, 7; st.shared.u32 [%r0], %r1; cp.async.ca.shared.global [%r0], [%out], 4; ld.shared.u32 %r2, [%r0]; st.global.u32 [%out+4], %r2; cp.async.wait_all;`;
  const value = (copies: "early" | "late"): number =>
    runBody(text, { words: [5], block: 1, device: { races: false, copies } }).getUint32(4, true);
  assert.is(value("early"), 5);
  assert.is(value("late"), 0xffffffff);
  fault(text, "race", /copy that has not been waited for/, { words: [5], block: 1 });
});
test("an mbarrier's phase ends with its arrivals and bytes; tokens and parities name phases", () => {
  const text = `.shared .align 8 .b64 bar; .shared .align 16 .b8 s[128]; setp.eq.u32 %p0, %tid, 0; @!%p0 bra $go; mbarrier.init.shared.b64 [bar], 65; fence.mbarrier_init.release.cluster; $go: bar.sync 0;
    mov.u32 %r0, s; mad.lo.u32 %r1, %tid, 4, %r0; setp.lt.u32 %p1, %tid, 32; @%p1 st.shared.u32 [%r1], %tid; mbarrier.arrive.shared.b64 %rd0, [bar]; @%p0 mbarrier.arrive.shared::cta.b64 _, [bar];
    $wait: mbarrier.test_wait.shared.b64 %p2, [bar], %rd0; @!%p2 bra $wait;
    ld.shared.u32 %r2, [s+124]; st.global.u32 [%me], %r2;
    mbarrier.arrive.release.cta.shared::cta.b64 _, [bar]; @%p0 mbarrier.arrive.shared::cta.b64 _, [bar], 1;
    $again: mbarrier.try_wait.parity.shared::cta.b64 %p2, [bar], 1, 1000; @!%p2 bra $again; bar.sync 0; @%p0 mbarrier.inval.shared.b64 [bar];`;
  always(text, { block: 64, device: { races: true } }, v =>
    assert.equal(
      wordsAt(v, 0, 64),
      range(64, () => 31),
    ),
  );
  fault(
    `.shared .b64 bar; mbarrier.init.shared.b64 [bar], 1; $w: mbarrier.test_wait.parity.shared.b64 %p0, [bar], 0; @!%p0 bra $w;`,
    "deadlock",
    /1 arrivals and 0 bytes/,
    { block: 1 },
  );
  fault(
    `.shared .b64 bar; mbarrier.init.shared.b64 [bar], 1; mbarrier.arrive.shared.b64 _, [bar], 2;`,
    "barrier",
    /2 arrivals at an mbarrier that expects 1/,
    { block: 1 },
  );
  fault(`.shared .b64 bar; mbarrier.arrive.shared.b64 _, [bar];`, "barrier", /no initialised mbarrier/, { block: 1 });
});
const INIT = `setp.eq.u32 %p0, %tid, 0; @!%p0 bra $go; mbarrier.init.shared.b64 [bar], 1; fence.mbarrier_init.release.cluster; $go: bar.sync 0;`;
const WAIT = `$w: mbarrier.try_wait.parity.shared.b64 %p2, [bar], 0; @!%p2 bra $w;`;
test("cp.async.bulk fills shared memory and tells the mbarrier; stores go in groups", () => {
  const text = `.shared .align 8 .b64 bar; .shared .align 128 .b8 s[256]; ${INIT} mov.u32 %r0, s; mov.u32 %r1, bar; @!%p0 bra $w;
    mbarrier.arrive.expect_tx.shared.b64 _, [bar], 128; cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r0], [%out], 128, [%r1];
    ${WAIT} mad.lo.u32 %r2, %tid, 4, %r0; ld.shared.u32 %r3, [%r2]; add.u32 %r3, %r3, 100; st.shared.u32 [%r2+128], %r3; fence.proxy.async.shared::cta; bar.sync 0; @!%p0 bra $end;
    add.u32 %r4, %r0, 128; add.u64 %rd1, %out, 128; cp.async.bulk.global.shared::cta.bulk_group [%rd1], [%r4], 128; cp.async.bulk.commit_group;
    add.u64 %rd2, %out, 256; cp.reduce.async.bulk.global.shared::cta.bulk_group.add.u32 [%rd2], [%r4], 64; cp.async.bulk.commit_group; cp.async.bulk.wait_group.read 0; cp.async.bulk.wait_group 0;
    $end: ret;`;
  always(text, { words: range(128, i => (i < 64 ? i : 1000)) }, v => {
    assert.equal(
      wordsAt(v, 128, 32),
      range(32, i => 100 + i),
    );
    assert.equal(
      wordsAt(v, 256, 17),
      range(17, i => (i < 16 ? 1100 + i : 1000)),
    );
  });
});
const MAP: TensorMap = { address: 0n, elementBytes: 4, dimensions: [10, 5], strides: [48], box: [8, 4], swizzle: 32, fill: "zero" };
test("tensor maps say what was put into them, and refuse what a driver would", () => {
  assert.equal(decodeTensorMap(encodeTensorMap(MAP)), MAP);
  assert.equal(
    decodeTensorMap(
      encodeTensorMap({
        ...MAP,
        dimensions: [7, 6, 5, 4, 3],
        strides: [64, 640, 6400, 64000],
        box: [8, 1, 2, 3, 1],
        fill: "nan",
        swizzle: 0,
      }),
    ).box,
    [8, 1, 2, 3, 1],
  );
  assert.throws(() => encodeTensorMap({ ...MAP, strides: [40] }), /multiples of 16/);
  assert.throws(() => encodeTensorMap({ ...MAP, address: 8n }), /multiple of 16/);
  assert.throws(() => encodeTensorMap({ ...MAP, box: [16, 4] }), /at most the 32/);
  assert.throws(() => encodeTensorMap({ ...MAP, box: [8, 300] }), /1 to 256/);
});
test("a tensor copy moves a box, swizzled, zeros outside the tensor; a tensor store leaves the outside alone", () => {
  const text = `.shared .align 8 .b64 bar; .shared .align 1024 .b8 s[128]; ${INIT} mov.u32 %r0, s; mov.u32 %r1, bar; mov.u64 %rd0, map; cvta.param.u64 %rd0, %rd0; prefetch.tensormap [%rd0]; @!%p0 bra $w;
    mbarrier.arrive.expect_tx.shared.b64 _, [bar], 128; cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%r0], [%rd0, {4, 2}], [%r1];
    ${WAIT} mad.lo.u32 %r2, %tid, 4, %r0; ld.shared.u32 %r3, [%r2]; st.global.u32 [%me+512], %r3; bar.sync 0; add.u32 %r3, %tid, 1000; st.shared.u32 [%r2], %r3; fence.proxy.async; bar.sync 0; @!%p0 bra $end;
    cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%rd0, {-2, 3}], [%r0]; cp.async.bulk.commit_group; cp.async.bulk.wait_group 0; $end: ret;`;
  const o: Body = { words: range(60, i => 100 * Math.floor(i / 12) + (i % 12)), map: d => encodeTensorMap({ ...MAP, address: d.base }) };
  always(text, o, v => {
    // rows of 32 bytes: row r holds columns 4 … 11 of row 2 + r; the pattern flips bit 4 of a byte's place by bit 7: no change in 128 bytes
    assert.equal(
      wordsAt(v, 512, 32),
      range(32, i => {
        const x = 4 + (i & 7),
          y = 2 + (i >> 3);
        return x < 10 && y < 5 ? 100 * y + x : 0;
      }),
    );
    assert.equal(wordsAt(v, 48 * 3, 10), [1002, 1003, 1004, 1005, 1006, 1007, 306, 307, 308, 309]);
    assert.equal(wordsAt(v, 48 * 4, 7), [1010, 1011, 1012, 1013, 1014, 1015, 406]);
    assert.equal(wordsAt(v, 48 * 3 + 40, 2), [310, 311]);
  });
});
test("the 128-byte swizzle puts chunk c of row r where c xor r mod 8 says", () => {
  const text = `.shared .align 8 .b64 bar; .shared .align 1024 .b8 s[1024]; ${INIT} mov.u32 %r0, s; mov.u32 %r1, bar; mov.u64 %rd0, map; cvta.param.u64 %rd0, %rd0; @!%p0 bra $w;
    mbarrier.arrive.expect_tx.shared.b64 _, [bar], 1024; cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%r0], [%rd0, {0, 0}], [%r1];
    ${WAIT} mov.u32 %r5, 0; $l: mad.lo.u32 %r2, %r5, 32, %tid; mad.lo.u32 %r3, %r2, 4, %r0; ld.shared.u32 %r4, [%r3]; mad.wide.u32 %rd1, %r2, 4, %out; st.global.u32 [%rd1+1024], %r4; add.u32 %r5, %r5, 1; setp.lt.u32 %p1, %r5, 8; @%p1 bra $l;`;
  const o: Body = {
    words: range(256),
    map: d =>
      encodeTensorMap({ address: d.base, elementBytes: 2, dimensions: [64, 8], strides: [128], box: [64, 8], swizzle: 128, fill: "zero" }),
  };
  always(text, o, v =>
    assert.equal(
      wordsAt(v, 1024, 256),
      range(256, i => (i & ~28) | ((((i >> 2) & 7) ^ (i >> 5)) << 2)),
    ),
  );
});
test("blocks of a cluster read, write and signal each other's shared memory", () => {
  const text = `.shared .align 8 .b64 bar; .shared .align 16 .b8 s[128]; mov.u32 %r20, %cluster_ctarank; ${INIT} barrier.cluster.arrive.release; barrier.cluster.wait.acquire;
    mov.u32 %r0, s; mov.u32 %r1, bar; xor.b32 %r2, %r20, 1; mapa.shared::cluster.u32 %r3, %r0, %r2; mapa.shared::cluster.u32 %r4, %r1, %r2; mad.lo.u32 %r5, %tid, 4, %r3; mad.lo.u32 %r6, %r20, 1000, %tid;
    st.shared::cluster.u32 [%r5], %r6; bar.sync 0; @%p0 mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r4];
    ${WAIT} mad.lo.u32 %r7, %tid, 4, %r0; ld.shared.u32 %r8, [%r7]; mad.lo.u32 %r9, %r20, 32, %tid; mad.wide.u32 %rd0, %r9, 4, %out; st.global.u32 [%rd0], %r8;
    barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;`;
  always(text, { grid: 4, cluster: 2, device: { races: false } }, v =>
    assert.equal(
      wordsAt(v, 0, 64),
      range(64, i => (i < 32 ? 1000 + i : i - 32)),
    ),
  );
  always(text, { grid: 2, cluster: 2 }, v => assert.equal(wordsAt(v, 0, 2), [1000, 1001]));
});
test("multicast writes the same bytes into several blocks and tells each one's mbarrier", () => {
  const text = `.shared .align 8 .b64 bar; .shared .align 128 .b8 s[128]; mov.u32 %r20, %cluster_ctarank; ${INIT} mov.u32 %r0, s; mov.u32 %r1, bar; @%p0 mbarrier.arrive.expect_tx.shared.b64 _, [bar], 128; barrier.cluster.arrive; barrier.cluster.wait;
    setp.eq.and.u32 %p1, %r20, 0, %p0; mov.b16 %h0, 3; @!%p1 bra $w; cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%r0], [%out], 128, [%r1], %h0;
    ${WAIT} mad.lo.u32 %r7, %tid, 4, %r0; ld.shared.u32 %r8, [%r7]; mad.lo.u32 %r9, %r20, 32, %tid; mad.wide.u32 %rd0, %r9, 4, %out; st.global.u32 [%rd0+128], %r8; barrier.cluster.arrive; barrier.cluster.wait;`;
  always(text, { grid: 2, cluster: 2, words: range(32, i => i + 7) }, v =>
    assert.equal(
      wordsAt(v, 128, 64),
      range(64, i => (i & 31) + 7),
    ),
  );
});
test("an mbarrier can count cp.async", () => {
  const text = `.shared .align 8 .b64 bar; .shared .align 16 .b8 s[512]; setp.eq.u32 %p0, %tid, 0; @!%p0 bra $go; mbarrier.init.shared.b64 [bar], 32; $go: bar.sync 0;
    mov.u32 %r0, s; mad.lo.u32 %r1, %tid, 16, %r0; mad.wide.u32 %rd0, %tid, 16, %out; cp.async.cg.shared.global [%r1], [%rd0], 16; cp.async.mbarrier.arrive.noinc.shared.b64 [bar];
    ${WAIT} xor.b32 %r2, %tid, 3; mad.lo.u32 %r2, %r2, 16, %r0; ld.shared.u32 %r3, [%r2]; st.global.u32 [%me+512], %r3;`;
  always(text, { words: range(128) }, v => assert.equal(wordsAt(v, 512, 4), [12, 8, 4, 0]));
});
test("bulk copies that break a rule are faults", () => {
  const start = `.shared .align 8 .b64 bar; .shared .align 128 .b8 s[256]; setp.eq.u32 %p0, %tid, 0; mov.u32 %r0, s; mov.u32 %r1, bar;`;
  const one: Body = { block: 1 };
  fault(
    `${start} mbarrier.init.shared.b64 [bar], 1; mbarrier.arrive.expect_tx.shared.b64 _, [bar], 16; cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r0], [%out], 16, [%r1];`,
    "race",
    /initialised without fence/,
    one,
  );
  fault(
    `${start} mbarrier.init.shared.b64 [bar], 1; fence.proxy.async; cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r0+8], [%out], 16, [%r1];`,
    "alignment",
    /aligned to 16/,
    one,
  );
  fault(
    `${start} st.shared.u32 [s], 1; fence.proxy.async; cp.async.bulk.global.shared::cta.bulk_group [%out], [%r0], 16; cp.async.bulk.commit_group; cp.async.bulk.wait_group 0;`,
    "uninitialized",
    /never written/,
    one,
  );
  fault(
    `${start} mov.u32 %r2, 1; st.shared.v4.u32 [s], {%r2, %r2, %r2, %r2}; cp.async.bulk.global.shared::cta.bulk_group [%out], [%r0], 16; cp.async.bulk.commit_group; cp.async.bulk.wait_group 0;`,
    "race",
    /without fence.proxy.async/,
    one,
  );
  fault(
    `${start} mov.u32 %r2, 1; st.shared.v4.u32 [s], {%r2, %r2, %r2, %r2}; fence.proxy.async; cp.async.bulk.global.shared::cta.bulk_group [%out], [%r0], 16; cp.async.bulk.commit_group;`,
    "race",
    /exits while a bulk copy still reads/,
    one,
  );
  assert.equal(floatsAt(runBody("mov.f32 %f0, 0f3F800000; st.global.f32 [%me], %f0;", one), 0, 1), [1]);
});
test.run();
