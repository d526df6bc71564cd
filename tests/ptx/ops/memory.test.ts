// Loads, stores and atomics in every space, in every width.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { runBody, wordsAt, floatsAt } from "../harness.ts";

const range = (n: number, f: (i: number) => number = i => i): number[] => Array.from({ length: n }, (_, i) => f(i));

test("narrow loads extend by their type, narrow stores cut", () => {
  const v = runBody(
    `ld.global.u8 %r0, [%out+1]; ld.global.s8 %r1, [%out+1]; ld.global.u16 %r2, [%out+2]; ld.global.s16 %r3, [%out+2]; ld.global.s8 %rd0, [%out+1]; ld.global.u8 %h0, [%out+1];
     st.global.u32 [%out+16], %r0; st.global.u32 [%out+20], %r1; st.global.u32 [%out+24], %r2; st.global.u32 [%out+28], %r3; st.global.u64 [%out+32], %rd0;
     st.global.u8 [%out+40], %r3; st.global.u16 [%out+42], %r1; st.global.b16 [%out+44], %h0;`,
    { words: [0xfedc8000], block: 1 },
  );
  assert.equal(wordsAt(v, 16, 6), [0x80, 0xffffff80, 0xfedc, 0xfffffedc, 0xffffff80, 0xffffffff]);
  assert.equal(wordsAt(v, 40, 2), [0xff8000dc, 0x80]);
});
test("a 16-bit register keeps its 16 bits, whatever was loaded", () => {
  const v = runBody(
    "ld.global.s8 %h0, [%out]; shr.u16 %h1, %h0, 4; st.global.b16 [%out+4], %h1; cvt.u32.u16 %r0, %h0; st.global.u32 [%out+8], %r0;",
    { words: [0x80], block: 1 },
  );
  assert.equal(wordsAt(v, 4, 2), [0x0ff8, 0xff80]);
});
test("vectors move 2 or 4 elements, and _ leaves one out", () => {
  const v = runBody(
    `mad.wide.u32 %rd0, %tid, 16, %out; ld.global.nc.L1::no_allocate.v4.u32 {%r0, %r1, _, %r3}, [%rd0]; add.u32 %r2, %r0, %r3;
     ld.global.v2.b64 {%rd1, %rd2}, [%rd0]; st.global.v2.b64 [%rd0+512], {%rd2, %rd1}; st.global.cs.v4.u32 [%rd0+1024], {%r3, %r2, %r1, %r0};`,
    { words: range(128) },
  );
  assert.equal(wordsAt(v, 512 + 16, 4), [6, 7, 4, 5]);
  assert.equal(wordsAt(v, 1024 + 16, 4), [7, 11, 5, 4]);
});
test("shared, local and parameter memory, by name, by register and by generic address", () => {
  const v = runBody(
    `.shared .align 16 .b8 s[256]; .local .align 8 .b8 mine[16];
     mov.u32 %r0, s; mad.lo.u32 %r1, %tid, 4, %r0; st.shared.u32 [%r1], %tid; bar.sync 0;
     xor.b32 %r2, %tid, 1; mad.lo.u32 %r2, %r2, 4, %r0; ld.shared.u32 %r3, [%r2]; ld.shared.u32 %r4, [s+124];
     cvt.u64.u32 %rd0, %r2; cvta.shared.u64 %rd1, %rd0; ld.u32 %r5, [%rd1]; cvta.to.shared.u64 %rd2, %rd1; cvt.u32.u64 %r6, %rd2; ld.shared.u32 %r6, [%r6];
     mov.u32 %r7, mine; st.local.u32 [%r7+4], %tid; ld.local.u32 %r8, [mine+4]; cvt.u64.u32 %rd3, %r7; cvta.local.u64 %rd3, %rd3; ld.u32 %r9, [%rd3+4];
     cvta.to.global.u64 %rd4, %me; prefetch.global.L2 [%rd4]; st.u32 [%rd4], %r3; st.global.u32 [%me+128], %r4; st.global.u32 [%me+256], %r5; st.global.u32 [%me+384], %r6; st.global.u32 [%me+512], %r8; st.global.u32 [%me+640], %r9;`,
  );
  assert.equal(wordsAt(v, 0, 4), [1, 0, 3, 2]);
  assert.equal(wordsAt(v, 128, 2), [31, 31]);
  assert.equal(wordsAt(v, 256, 4), [1, 0, 3, 2]);
  assert.equal(wordsAt(v, 384, 4), [1, 0, 3, 2]);
  assert.equal(wordsAt(v, 512, 3), [0, 1, 2]);
  assert.equal(wordsAt(v, 640, 3), [0, 1, 2]);
});
test("dynamic shared memory comes after the static, aligned", () => {
  const v = runBody(
    `.shared .align 4 .b8 s[20]; mov.u32 %r0, dyn; st.global.u32 [%out], %r0; mov.u32 %r1, %dynamic_smem_size; st.global.u32 [%out+4], %r1; mov.u32 %r2, s; st.global.u32 [%out+8], %r2;`,
    { before: ".extern .shared .align 128 .b8 dyn[];", dynamicSharedBytes: 64, block: 1 },
  );
  assert.equal(wordsAt(v, 0, 3), [128, 64, 0]);
});
test("atomics of every operation return the old value, a lane at a time", () => {
  const v = runBody(
    `.reg .b32 %v; add.u32 %v, %tid, 1;
     atom.global.add.u32 %r0, [%out], %v; atom.global.min.s32 %r1, [%out+4], %v; atom.global.max.u32 %r1, [%out+8], %v; atom.global.and.b32 %r1, [%out+12], %v;
     atom.global.or.b32 %r1, [%out+16], %v; atom.global.xor.b32 %r1, [%out+20], %v; atom.global.exch.b32 %r1, [%out+24], %v; atom.global.cas.b32 %r1, [%out+28], %tid, %v;
     atom.global.inc.u32 %r1, [%out+32], 10; atom.global.dec.u32 %r1, [%out+36], 3; cvt.u64.u32 %rd0, %v; red.global.add.u64 [%out+40], %rd0;
     cvt.rn.f32.u32 %f0, %v; red.global.add.f32 [%out+48], %f0; mov.b32 %r2, 0x3c003c00; red.global.add.noftz.f16x2 [%out+52], %r2; st.global.u32 [%me+128], %r0;`,
    { words: [5, 100, 7, 0xff, 0x100, 0, 0, 0, 0, 0, 0, 0, 0, 0] },
  );
  assert.equal(wordsAt(v, 0, 9), [5 + 528, 1, 32, 0, 0x13f, 32, 32, 32, 32 % 11]);
  assert.is(
    v.getUint32(36, true),
    Array.from({ length: 32 }).reduce<number>(x => (x === 0 || x > 3 ? 3 : x - 1), 0),
  );
  assert.is(v.getUint32(40, true), 528);
  assert.equal(floatsAt(v, 48, 1), [528]);
  assert.is(v.getUint32(52, true), 0x50005000); // 32 in each half
  assert.equal(wordsAt(v, 128, 3), [5, 6, 8]);
});
test("atomics on shared memory, vectors of red, and 64-bit compare-and-swap", () => {
  const v = runBody(
    `.shared .align 8 .b8 s[16]; setp.eq.u32 %p0, %tid, 0; mov.u64 %rd0, 0; @%p0 st.shared.u64 [s], %rd0; bar.sync 0;
     atom.shared.add.u32 %r0, [s], 2; bar.sync 0; ld.shared.u32 %r1, [s]; st.global.u32 [%me], %r1;
     mov.u64 %rd1, 64; mov.u64 %rd2, 0x100000000; @%p0 atom.shared.cas.b64 %rd3, [s], %rd1, %rd2; bar.sync 0; ld.shared.u64 %rd4, [s]; st.global.u64 [%out+128], %rd4;
     mov.f32 %f0, 0f3F800000; @%p0 red.global.add.v2.f32 [%out+144], {%f0, %f0};`,
    { device: { races: false } },
  );
  assert.equal(wordsAt(v, 0, 2), [64, 64]);
  assert.equal(wordsAt(v, 128, 2), [0, 1]);
  assert.equal(floatsAt(v, 144, 2), [1, 1]);
});
test.run();
