// The race detector: programs with one synchronisation too few are caught, and the same programs with it are not. Every pair says which instruction it is about.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PtxFault, type FaultKind } from "../device.ts";
import { runBody, type Body } from "../harness.ts";
import { Clock, merge } from "./clocks.ts";

/** `text` with every ⟨…⟩ is right; without any of them one at a time it is a fault, whichever way it is scheduled. */
function needs(text: string, kind: FaultKind, what: RegExp, o: Body = {}): void {
  const parts = [...text.matchAll(/⟨([^⟩]*)⟩/g)].length;
  const build = (without: number): string => {
    let i = 0;
    return text.replace(/⟨([^⟩]*)⟩/g, (_, inner: string) => (i++ === without ? "" : inner));
  };
  for (const schedule of ["forward", "reverse", { seed: 11 }] as const) {
    const device = { ...o.device, schedule };
    runBody(build(-1), { ...o, device });
    for (let k = 0; k < parts; k++) {
      try {
        runBody(build(k), { ...o, device });
      } catch (e) {
        assert.instance(e, PtxFault, String(e));
        if ((e as PtxFault).kind === "uninitialized") continue; // an instance, as just seen; this schedule reads before the other writes
        assert.is((e as PtxFault).kind, kind, String(e));
        assert.match(String(e), what);
        continue;
      }
      assert.unreachable(`nothing found without part ${k} of ${text}`);
    }
  }
}
const S =
  ".shared .align 16 .b8 s[1024]; mov.u32 %r0, s; mad.lo.u32 %r1, %tid, 4, %r0; xor.b32 %r2, %tid, 32; mad.lo.u32 %r2, %r2, 4, %r0; xor.b32 %r3, %tid, 1; mad.lo.u32 %r3, %r3, 4, %r0;";
const two: Body = { block: 64 };

test("a read of another warp's write needs a barrier", () =>
  needs(`${S} st.shared.u32 [%r1], %tid; ⟨bar.sync 0;⟩ ld.shared.u32 %r4, [%r2];`, "race", /unsynchronised (read|write)/, two));
test("so does a write after another warp's read", () =>
  needs(
    `${S} st.shared.u32 [%r1], %tid; bar.sync 0; ld.shared.u32 %r4, [%r2]; ⟨bar.sync 0;⟩ st.shared.u32 [%r1], %r4;`,
    "race",
    /unsynchronised (read|write)/,
    two,
  ));
test("and so does a write after another warp's write", () => {
  needs(`${S} st.shared.u32 [%r1], 1; ⟨bar.sync 0;⟩ st.shared.u32 [%r2], 2;`, "race", /unsynchronised write/, two);
});
test("lanes of one warp need bar.warp.sync: executing together is not an order", () => {
  needs(`${S} st.shared.u32 [%r1], %tid; ⟨bar.warp.sync -1;⟩ ld.shared.u32 %r4, [%r3];`, "race", /unsynchronised write/);
});
test("bytes beside each other are apart, bytes of one word are not", () => {
  runBody(`.shared .b8 s[64]; mov.u32 %r0, s; add.u32 %r1, %r0, %tid; st.shared.u8 [%r1], %tid; ld.shared.u8 %r2, [%r1];`, two);
  assert.throws(
    () =>
      runBody(`.shared .align 4 .b8 s[64]; mov.u32 %r0, s; and.b32 %r1, %tid, 60; add.u32 %r1, %r0, %r1; st.shared.u32 [%r1], %tid;`, two),
    /race/,
  );
});
test("a named barrier orders only those who come to it", () => {
  const text = (count: number): string =>
    `${S} setp.lt.u32 %p0, %tid, 64; st.shared.u32 [%r1], %tid; @!%p0 bra $third; bar.sync 1, 64; ld.shared.u32 %r4, [%r2]; bra $end; $third: bar.sync 2, 32; ${count === 3 ? "ld.shared.u32 %r4, [s];" : ""} $end: ret;`;
  runBody(text(2), { block: 96 });
  assert.throws(() => runBody(text(3), { block: 96 }), /race: thread 64 reads 0x0 after an unsynchronised write by thread 0/);
});
test("blocks never wait for each other", () => {
  assert.throws(
    () => runBody("st.global.u32 [%out], %tid;", { grid: 2, block: 1 }),
    /race: thread 0 writes 0x0 after an unsynchronised write by thread 0 of block \(0, 0, 0\)/,
  );
  assert.throws(
    () =>
      runBody("mov.u32 %r0, %ctaid.x; setp.eq.u32 %p0, %r0, 1; @%p0 st.global.u32 [%out], %tid; ld.global.u32 %r1, [%out];", {
        grid: 3,
        block: 1,
      }),
    /race/,
  );
  runBody("ld.global.u32 %r1, [%out]; mov.u32 %r0, %ctaid.x; mad.wide.u32 %rd0, %r0, 4, %out; st.global.u32 [%rd0+64], %r0;", {
    grid: 3,
    block: 1,
  });
});
test("a counter with fences lets the last block read what the others wrote", () => {
  const text = `mov.u32 %r0, %ctaid.x; mad.wide.u32 %rd0, %r0, 4, %out; add.u32 %r1, %r0, 5; st.global.u32 [%rd0+64], %r1; ⟨membar.gl;⟩ atom.global.add.u32 %r2, [%out], 1; setp.ne.u32 %p0, %r2, 3; @%p0 bra $end;
    ⟨membar.gl;⟩ ld.global.v4.u32 {%r3, %r4, %r5, %r6}, [%out+64]; $end: ret;`;
  needs(text, "race", /unsynchronised write/, { grid: 4, block: 1 });
  const acquire = text.replace(/⟨[^⟩]*⟩/g, "").replace("atom.global.add", "atom.acq_rel.gpu.global.add");
  runBody(acquire, { grid: 4, block: 1 });
});
test("a flag that one block spins on is set by another that is not running yet", () => {
  const text = `mov.u32 %r0, %ctaid.x; setp.eq.u32 %p0, %r0, 0; @%p0 bra $wait; st.global.u32 [%out+4], 9; st.release.gpu.global.u32 [%out], 1; bra $end; $wait: ld.acquire.gpu.global.u32 %r1, [%out]; setp.eq.u32 %p1, %r1, 0; @%p1 bra $wait; ld.global.u32 %r2, [%out+4]; st.global.u32 [%out+8], %r2; $end: ret;`;
  for (const schedule of ["forward", "reverse", { seed: 2 }] as const)
    assert.is(runBody(text, { grid: 2, block: 1, device: { schedule, limit: 1e6 } }).getUint32(8, true), 9);
});
test("a copy in flight may not be read, nor its place be written", () => {
  const base =
    ".shared .align 16 .b8 s[512]; mov.u32 %r0, s; mad.lo.u32 %r1, %tid, 16, %r0; mad.wide.u32 %rd0, %tid, 16, %out; cp.async.cg.shared.global [%r1], [%rd0], 16;";
  needs(`${base} ⟨cp.async.wait_all;⟩ ld.shared.u32 %r2, [%r1];`, "race", /copy that has not been waited for/);
  needs(`${base} ⟨cp.async.wait_all;⟩ st.shared.u32 [%r1], 0;`, "race", /copy that has not been waited for/);
  needs(
    `${base} cp.async.commit_group; ⟨cp.async.wait_group 0; bar.sync 0;⟩ xor.b32 %r1, %r1, 16; ld.shared.u32 %r2, [%r1];`,
    "race",
    /copy that has not been waited for/,
  );
  needs(`${base} cp.async.wait_all; ⟨bar.sync 0;⟩ xor.b32 %r1, %r1, 16; ld.shared.u32 %r2, [%r1];`, "race", /unsynchronised write/);
});
test("wgmma needs its fences, its waits, and the proxy fence of those who wrote its operands", () => {
  const acc = "{%f0, %f1, %f2, %f3}",
    text = `.shared .align 1024 .b8 t[10240]; mov.u32 %r0, t; mov.u32 %r1, %tid; $fill: mad.lo.u32 %r2, %r1, 4, %r0; st.shared.u32 [%r2], 0; add.u32 %r1, %r1, 128; setp.lt.u32 %p0, %r1, 2560; @%p0 bra $fill; ⟨fence.proxy.async;⟩ ⟨bar.sync 0;⟩
      mov.b64 %rd0, {65536, 1073741888}; mov.b64 %rd1, {66048, 1073741888}; mov.f32 %f0, 0f00000000; mov.f32 %f1, %f0; mov.f32 %f2, %f0; mov.f32 %f3, %f0;
      ⟨wgmma.fence.sync.aligned;⟩ wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 ${acc}, %rd0, %rd1, 1, 1, 1, 0, 0; ⟨wgmma.commit_group.sync.aligned;⟩ ⟨wgmma.wait_group.sync.aligned 0;⟩ st.global.f32 [%me], %f0;`;
  needs(text, "race", /fence.proxy.async|wgmma.fence|wgmma.wait_group|unsynchronised write/, { block: 128 });
  const reuse = text
    .replace(/[⟨⟩]/g, "")
    .replace(
      "wgmma.wait_group.sync.aligned 0; st.global.f32 [%me], %f0;",
      "bar.sync 0; st.shared.u32 [t+8192], 1; wgmma.wait_group.sync.aligned 0;",
    );
  assert.throws(() => runBody(reuse, { block: 128 }), /race: thread \d+ writes 0x2000 after (a read in flight|an unsynchronised)/);
  assert.throws(
    () => runBody(text.replace(/[⟨⟩]/g, "").replace("wgmma.commit_group", "mov.f32 %f0, 0f00000000; wgmma.commit_group"), { block: 128 }),
    /written before wgmma.wait_group/,
  );
});
test("registers and shared memory must be written before they are read", () => {
  assert.throws(
    () => runBody("setp.lt.u32 %p0, %tid, 9; @%p0 mov.u32 %r0, 1; add.u32 %r1, %r0, 1;"),
    /uninitialized: a register is read before it is written, in lane 9/,
  );
  assert.throws(() => runBody("@%p3 mov.u32 %r0, 1; selp.u32 %r1, 1, 0, %p5;"), /uninitialized/);
  assert.throws(() => runBody(".shared .b32 s; ld.shared.u32 %r0, [s];"), /uninitialized: thread 0 reads shared memory/);
});
test("clocks: what is learned is the later of what is known", () => {
  const a = new Clock(0, 0, 2),
    b = new Clock(1, 0, 2),
    far = new Clock(5, 4, 2);
  const told = a.tell();
  assert.not.ok(b.after(0, 3, 1, 3));
  b.learn(told);
  assert.ok(b.after(0, 3, 1, 3));
  assert.not.ok(b.after(0, 3, 2, 3));
  far.learn(merge(b.tell(), told));
  assert.ok(far.after(0, 0, 1, 0));
  assert.ok(far.after(1, 0, 1, 0));
  assert.not.ok(far.after(1, 0, 2, 0));
});
test.run();
