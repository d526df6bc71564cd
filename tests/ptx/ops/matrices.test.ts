// Tensor-core instructions: which lane holds what, as the tables of the PTX ISA say, written out here once more; products of small whole numbers, which are exact.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bitsOfBf16, bitsOfF16, bitsOfF32, bitsOfFp8, E4M3, E5M2, f16OfBits } from "../numbers/formats.ts";
import { floatsAt, runBody, wordsAt } from "../harness.ts";

type Matrix = readonly (readonly number[])[];
const matrix = (rows: number, cols: number, seed: number): number[][] =>
  Array.from({ length: rows }, (_, i) => Array.from({ length: cols }, (_, j) => ((i * 5 + j * 3 + seed * 7 + i * j) % 7) - 3));
const product = (a: Matrix, b: Matrix, c: Matrix): number[][] =>
  c.map((row, i) => row.map((x, j) => x + b.reduce((s, _, k) => s + (a[i]?.[k] ?? 0) * (b[k]?.[j] ?? 0), 0)));
const at = (m: Matrix, [i, j]: readonly [number, number]): number => m[i]?.[j] ?? NaN;

/** Where element i of a lane's fragment lies, by the ISA. g: the lane's group, t: its place in the group. */
type Place = (i: number, g: number, t: number) => readonly [number, number];
interface Fragments {
  readonly shape: string;
  readonly a: Place;
  readonly b: Place;
  readonly k: number;
  /** Elements of A and B in a lane. */
  readonly counts: readonly [number, number];
}
const C: Place = (i, g, t) => [i < 2 ? g : g + 8, t * 2 + (i & 1)];
const SHAPES: Readonly<Record<string, Fragments>> = {
  "m16n8k8 16-bit": {
    shape: "m16n8k8",
    k: 8,
    counts: [4, 2],
    a: (i, g, t) => [i < 2 ? g : g + 8, t * 2 + (i & 1)],
    b: (i, g, t) => [t * 2 + i, g],
  },
  "m16n8k16 16-bit": {
    shape: "m16n8k16",
    k: 16,
    counts: [8, 4],
    a: (i, g, t) => [i < 2 || (i >= 4 && i < 6) ? g : g + 8, t * 2 + (i & 1) + (i >= 4 ? 8 : 0)],
    b: (i, g, t) => [t * 2 + (i & 1) + (i >= 2 ? 8 : 0), g],
  },
  "m16n8k4 tf32": { shape: "m16n8k4", k: 4, counts: [2, 1], a: (i, g, t) => [i === 0 ? g : g + 8, t], b: (_, g, t) => [t, g] },
  "m16n8k8 tf32": {
    shape: "m16n8k8",
    k: 8,
    counts: [4, 2],
    a: (i, g, t) => [i === 0 || i === 2 ? g : g + 8, i < 2 ? t : t + 4],
    b: (i, g, t) => [i === 0 ? t : t + 4, g],
  },
  "m16n8k16 8-bit": {
    shape: "m16n8k16",
    k: 16,
    counts: [8, 4],
    a: (i, g, t) => [i < 4 ? g : g + 8, t * 4 + (i & 3)],
    b: (i, g, t) => [t * 4 + i, g],
  },
  "m16n8k32 8-bit": {
    shape: "m16n8k32",
    k: 32,
    counts: [16, 8],
    a: (i, g, t) => [i < 4 || (i >= 8 && i < 12) ? g : g + 8, t * 4 + (i & 3) + (i >= 8 ? 16 : 0)],
    b: (i, g, t) => [t * 4 + (i & 3) + (i >= 4 ? 16 : 0), g],
  },
};
/** Elements of each lane packed into words. */
function pack(m: Matrix, place: Place, count: number, bits: number, encode: (x: number) => number): number[][] {
  return Array.from({ length: 32 }, (_, l) => {
    const words: number[] = [],
      per = 32 / bits;
    for (let i = 0; i < count; i += per) {
      let w = 0;
      for (let q = 0; q < per; q++) w |= (encode(at(m, place(i + q, l >> 2, l & 3))) & (bits === 32 ? -1 : (1 << bits) - 1)) << (q * bits);
      words.push(w >>> 0);
    }
    return words;
  });
}
const regs = (n: number, from: number, prefix = "r"): string =>
  `{${Array.from({ length: n }, (_, i) => `%${prefix}${from + i}`).join(", ")}}`;
/** Loads words per lane into registers from `from` on. */
const loads = (n: number, from: number, base: number): string =>
  `mad.wide.u32 %rd0, %tid, ${4 * n}, %out; ${Array.from({ length: n }, (_, i) => `ld.global.u32 %r${from + i}, [%rd0+${base + 4 * i}];`).join(" ")}`;

function check(kind: string, types: string, bits: number, encode: (x: number) => number, accumulator: "f32" | "s32" | "f16"): void {
  const f = SHAPES[kind];
  if (!f) throw new Error(kind);
  const unsigned = types.includes("u8"),
    A = matrix(16, f.k, 1).map(r => r.map(x => (unsigned ? Math.abs(x) : x))),
    B = matrix(f.k, 8, 2).map(r => r.map(x => (unsigned ? Math.abs(x) : x))),
    c = matrix(16, 8, 3),
    [na, nb] = f.counts,
    wa = (na * bits) / 32,
    wb = (nb * bits) / 32,
    wc = accumulator === "f16" ? 2 : 4;
  const pa = pack(A, f.a, na, bits, encode).flat(),
    pb = pack(B, f.b, nb, bits, encode).flat(),
    pc = pack(
      c,
      C,
      4,
      accumulator === "f16" ? 16 : 32,
      accumulator === "f32" ? bitsOfF32 : accumulator === "f16" ? bitsOfF16 : x => x,
    ).flat();
  const atA = 0,
    atB = 4 * pa.length,
    atC = atB + 4 * pb.length,
    out = atC + 4 * pc.length;
  const move = accumulator === "f32" ? Array.from({ length: 4 }, (_, i) => `mov.b32 %f${i}, %r${20 + i};`).join(" ") : "",
    result = regs(wc, accumulator === "f32" ? 0 : 20, accumulator === "f32" ? "f" : "r");
  const text = `${loads(wa, 0, atA)} ${loads(wb, 10, atB)} ${loads(wc, 20, atC)} ${move}
    mma.sync.aligned.${f.shape}.row.col.${accumulator}.${types}.${accumulator} ${result}, ${regs(wa, 0)}, ${regs(wb, 10)}, ${result};
    mad.wide.u32 %rd0, %tid, ${4 * wc}, %out; ${Array.from({ length: wc }, (_, i) => `st.global.${accumulator === "f32" ? "f32" : "u32"} [%rd0+${out + 4 * i}], ${accumulator === "f32" ? "%f" : "%r2"}${i};`).join(" ")}`;
  const v = runBody(text, { words: [...pa, ...pb, ...pc] }),
    want = product(A, B, c);
  for (let l = 0; l < 32; l++)
    for (let i = 0; i < 4; i++) {
      const [r, col] = C(i, l >> 2, l & 3),
        where = out + 4 * wc * l,
        got =
          accumulator === "f32"
            ? v.getFloat32(where + 4 * i, true)
            : accumulator === "s32"
              ? v.getInt32(where + 4 * i, true)
              : f16OfBits(v.getUint16(where + 2 * i, true));
      assert.is(got, at(want, [r, col]), `${kind} ${types} lane ${l} element ${i}`);
    }
}
test("mma.sync multiplies fragments laid out as the ISA draws them, every shape and type", () => {
  for (const shape of ["m16n8k8 16-bit", "m16n8k16 16-bit"]) {
    check(shape, "f16.f16", 16, bitsOfF16, "f32");
    check(shape, "bf16.bf16", 16, bitsOfBf16, "f32");
    check(shape, "f16.f16", 16, bitsOfF16, "f16");
  }
  for (const shape of ["m16n8k4 tf32", "m16n8k8 tf32"]) check(shape, "tf32.tf32", 32, bitsOfF32, "f32");
  check("m16n8k32 8-bit", "e4m3.e4m3", 8, x => bitsOfFp8(x, E4M3), "f32");
  check("m16n8k32 8-bit", "e5m2.e5m2", 8, x => bitsOfFp8(x, E5M2), "f32");
  for (const shape of ["m16n8k16 8-bit", "m16n8k32 8-bit"]) {
    check(shape, "s8.s8", 8, x => x, "s32");
    check(shape, "u8.u8", 8, x => x, "s32");
  }
});
test("mma.sync of f64 is a chain of fused multiply-adds on one element a lane", () => {
  const A = matrix(8, 4, 1),
    B = matrix(4, 8, 2),
    c = matrix(8, 8, 3);
  const v = runBody(
    `mad.wide.u32 %rd0, %tid, 8, %out; ld.global.f64 %fd0, [%rd0]; ld.global.f64 %fd1, [%rd0+256]; mad.wide.u32 %rd1, %tid, 16, %out; ld.global.v2.f64 {%fd2, %fd3}, [%rd1+512];
     mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%fd2, %fd3}, {%fd0}, {%fd1}, {%fd2, %fd3}; st.global.v2.f64 [%rd1+512], {%fd2, %fd3};`,
    {
      words: new Uint32Array(
        new Float64Array([
          ...Array.from({ length: 32 }, (_, l) => at(A, [l >> 2, l & 3])),
          ...Array.from({ length: 32 }, (_, l) => at(B, [l & 3, l >> 2])),
          ...Array.from({ length: 64 }, (_, i) => at(c, [i >> 3, i & 7])),
        ]).buffer,
      ),
    },
  );
  product(A, B, c).forEach((row, i) => row.forEach((x, j) => assert.is(v.getFloat64(512 + 8 * (8 * i + j), true), x)));
});
const fillShared = `.shared .align 128 .b8 s[1024]; mad.lo.u32 %r30, %tid, 4, 0; mov.u32 %r31, s; add.u32 %r30, %r30, %r31; mov.u32 %r32, 0;
  $fill: mad.lo.u32 %r33, %r32, 32, %tid; mul.lo.u32 %r34, %r33, 2; add.u32 %r35, %r34, 1; shl.b32 %r35, %r35, 16; or.b32 %r34, %r34, %r35; mad.lo.u32 %r36, %r32, 128, %r30; st.shared.u32 [%r36], %r34; add.u32 %r32, %r32, 1; setp.lt.u32 %p7, %r32, 8; @%p7 bra $fill; bar.sync 0;`;
test("ldmatrix gives lane l two neighbours of row l/4 of each matrix, or of its column", () => {
  // shared memory holds the 16-bit numbers 0, 1, 2, …; row r of matrix m begins at element 8 (8 m + r)
  const run = (mod: string, n: number): number[][] => {
    const v =
      runBody(`${fillShared} shl.b32 %r0, %tid, 4; add.u32 %r0, %r0, %r31; mov.u32 %r1, 0; mov.u32 %r2, 0; mov.u32 %r3, 0; mov.u32 %r4, 0;
      ldmatrix.sync.aligned.m8n8.x${n}${mod}.shared.b16 ${regs(n, 1)}, [%r0]; mad.wide.u32 %rd0, %tid, 16, %out; st.global.v4.u32 [%rd0], {%r1, %r2, %r3, %r4};`);
    return Array.from({ length: 32 }, (_, l) => wordsAt(v, 16 * l, n));
  };
  for (const n of [1, 2, 4]) {
    run("", n).forEach((words, l) =>
      words.forEach((w, m) => assert.is(w, 64 * m + 8 * (l >> 2) + 2 * (l & 3) + ((64 * m + 8 * (l >> 2) + 2 * (l & 3) + 1) << 16))),
    );
    run(".trans", n).forEach((words, l) =>
      words.forEach((w, m) => assert.is(w, 64 * m + 16 * (l & 3) + (l >> 2) + ((64 * m + 16 * (l & 3) + 8 + (l >> 2)) << 16))),
    );
  }
});
test("stmatrix and movmatrix are its inverses", () => {
  for (const mod of ["", ".trans"]) {
    const v =
      runBody(`${fillShared} .shared .align 128 .b8 t[512]; shl.b32 %r0, %tid, 4; mov.u32 %r5, t; add.u32 %r5, %r5, %r0; add.u32 %r0, %r0, %r31;
      ldmatrix.sync.aligned.m8n8.x4${mod}.shared.b16 {%r1, %r2, %r3, %r4}, [%r0]; stmatrix.sync.aligned.m8n8.x4${mod}.shared.b16 [%r5], {%r1, %r2, %r3, %r4}; bar.sync 0;
      ld.shared.v4.u32 {%r1, %r2, %r3, %r4}, [%r5]; mad.wide.u32 %rd0, %tid, 16, %out; st.global.v4.u32 [%rd0], {%r1, %r2, %r3, %r4};`);
    assert.equal(
      wordsAt(v, 0, 128),
      Array.from({ length: 128 }, (_, i) => 2 * i + ((2 * i + 1) << 16)),
    );
  }
  const v = runBody(
    `shl.b32 %r0, %tid, 1; add.u32 %r1, %r0, 1; shl.b32 %r1, %r1, 16; or.b32 %r0, %r0, %r1; movmatrix.sync.aligned.m8n8.trans.b16 %r2, %r0; st.global.u32 [%me], %r2;`,
  );
  assert.equal(
    wordsAt(v, 0, 32),
    Array.from({ length: 32 }, (_, l) => 16 * (l & 3) + (l >> 2) + ((16 * (l & 3) + 8 + (l >> 2)) << 16)),
  );
});

/** A kernel in which 128 threads copy words into shared memory at 0, multiply, and store 64 rows of `n` f32 as the accumulators lie. */
function multiply(o: {
  readonly n: number;
  readonly type: string;
  readonly k: number;
  readonly a: string;
  readonly b: string;
  readonly tail: string;
  readonly words: readonly number[];
  readonly prepare?: string;
}): number[][] {
  const total = o.words.length,
    out = 4 * total,
    acc = regs(o.n / 2, 0, "f");
  const v = runBody(
    `mov.u32 %r0, dyn; mov.u32 %r1, %tid;
     $fill: mad.wide.u32 %rd0, %r1, 4, %out; ld.global.u32 %r2, [%rd0]; mad.lo.u32 %r3, %r1, 4, %r0; st.shared.u32 [%r3], %r2; add.u32 %r1, %r1, 128; setp.lt.u32 %p0, %r1, ${total}; @%p0 bra $fill;
     fence.proxy.async; bar.sync 0; ${o.prepare ?? ""}
     ${Array.from({ length: o.n / 2 }, (_, i) => `mov.f32 %f${i}, 0f3F800000;`).join(" ")}
     wgmma.fence.sync.aligned; wgmma.mma_async.sync.aligned.m64n${o.n}k${o.k}.f32.${o.type}.${o.type} ${acc}, ${o.a}, ${o.b}, 1, ${o.tail};
     wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0;
     mad.wide.u32 %rd0, %tid, ${2 * o.n}, %out; ${Array.from({ length: o.n / 2 }, (_, i) => `st.global.f32 [%rd0+${out + 4 * i}], %f${i};`).join(" ")}`,
    {
      words: o.words,
      block: 128,
      before: ".extern .shared .align 1024 .b8 dyn[];",
      dynamicSharedBytes: 4 * total,
      device: { copies: o.n === 8 ? "early" : "late" },
    },
  );
  const got = Array.from({ length: 64 }, () => Array.from({ length: o.n }, () => NaN));
  for (let t = 0; t < 128; t++)
    floatsAt(v, out + 2 * o.n * t, o.n / 2).forEach((x, i) => {
      // the ISA's figure: warp w has rows 16 w …; register i: column 8 (i / 4) + …
      const row = 16 * (t >> 5) + ((t & 31) >> 2) + (i & 2 ? 8 : 0),
        col = 8 * (i >> 2) + 2 * (t & 3) + (i & 1);
      (got[row] ?? [])[col] = x;
    });
  return got;
}
const ones = (rows: number, cols: number): number[][] => Array.from({ length: rows }, () => Array.from({ length: cols }, () => 1));
/** 16-bit words of a memory where `place` says the byte of each element. */
function laid(m: Matrix, bytes: number, place: (i: number, j: number) => number, encode: (x: number) => number, size: 2 | 4 = 2): number[] {
  const v = new DataView(new ArrayBuffer(bytes));
  m.forEach((row, i) =>
    row.forEach((x, j) => (size === 2 ? v.setUint16(place(i, j), encode(x), true) : v.setInt32(place(i, j), encode(x), true))),
  );
  return wordsAt(v, 0, bytes / 4);
}
/** The 128-byte pattern: 16-byte chunk c of row r lies at chunk c ^ (r & 7). */
const swizzle128 = (r: number, byte: number): number => r * 128 + ((((byte >> 4) ^ (r & 7)) << 4) | (byte & 15));
const HIGH128 = 64 | (1 << 30); // stride offset 1024 bytes, 128-byte swizzle
const descriptor = (name: string, start: number, low: number, high: number): string =>
  `mov.b64 ${name}, {${(start >> 4) | (low << 16)}, ${high}};`;

test("wgmma with K contiguous and the 128-byte swizzle", () => {
  const A = matrix(64, 16, 1),
    B = matrix(16, 16, 2),
    Bt = B[0]?.map((_, j) => B.map(r => r[j] ?? 0)) ?? [];
  const words = [
    ...laid(A, 64 * 128, (i, k) => swizzle128(i, 2 * k), bitsOfBf16),
    ...laid(Bt, 16 * 128, (j, k) => swizzle128(j, 2 * k), bitsOfBf16),
  ];
  const got = multiply({
    n: 16,
    type: "bf16",
    k: 16,
    words,
    a: "%rd1",
    b: "%rd2",
    tail: "1, 1, 0, 0",
    prepare: descriptor("%rd1", 0, 1, HIGH128) + descriptor("%rd2", 64 * 128, 1, HIGH128),
  });
  assert.equal(got, product(A, B, ones(64, 16)));
});
test("wgmma with M and N contiguous (transposed), and negated", () => {
  // one group of 64 along M, 8-row groups along K 1024 bytes apart
  const A = matrix(64, 16, 1),
    B = matrix(16, 8, 2),
    At = Array.from({ length: 16 }, (_, k) => A.map(r => r[k] ?? 0));
  const words = [
    ...laid(At, 16 * 128, (k, m) => swizzle128(k, 2 * m), bitsOfF16),
    ...laid(B, 16 * 128, (k, n) => swizzle128(k, 2 * n), bitsOfF16),
  ];
  const got = multiply({
    n: 8,
    type: "f16",
    k: 16,
    words,
    a: "%rd1",
    b: "%rd2",
    tail: "-1, 1, 1, 1",
    prepare: descriptor("%rd1", 0, 64, HIGH128) + descriptor("%rd2", 16 * 128, 64, HIGH128),
  });
  assert.equal(
    got,
    product(
      A.map(r => r.map(x => -x)),
      B,
      ones(64, 8),
    ),
  );
});
test("wgmma without swizzle: 8x8 blocks of 128 bytes, K blocks by the leading offset", () => {
  const A = matrix(64, 16, 4),
    B = matrix(16, 8, 5),
    Bt = B[0]?.map((_, j) => B.map(r => r[j] ?? 0)) ?? [];
  // block (i / 8, k / 8) of A at (i / 8) * 256 + (k / 8) * 128: stride offset 256, leading 128
  const place = (i: number, k: number): number => (i >> 3) * 256 + (k >> 3) * 128 + (i & 7) * 16 + (k & 7) * 2;
  const words = [...laid(A, 2048, place, bitsOfBf16), ...laid(Bt, 256, place, bitsOfBf16)];
  const got = multiply({
    n: 8,
    type: "bf16",
    k: 16,
    words,
    a: "%rd1",
    b: "%rd2",
    tail: "1, 1, 0, 0",
    prepare: descriptor("%rd1", 0, 8, 16) + descriptor("%rd2", 2048, 8, 16),
  });
  assert.equal(got, product(A, B, ones(64, 8)));
});
test("wgmma of tf32 with the 32-byte swizzle, and A from registers", () => {
  const A = matrix(64, 8, 1),
    B = matrix(8, 8, 2),
    Bt = B[0]?.map((_, j) => B.map(r => r[j] ?? 0)) ?? [];
  // rows of 32 bytes, 8 of them 256 bytes; bit 7 of the address (row / 4) flips the chunk
  const place = (i: number, k: number): number => i * 32 + (((((4 * k) >> 4) ^ ((i >> 2) & 1)) << 4) | ((4 * k) & 15));
  const words = [...laid(A, 64 * 32, place, bitsOfF32, 4), ...laid(Bt, 8 * 32, place, bitsOfF32, 4)];
  const high = 16 | (3 << 30);
  assert.equal(
    multiply({
      n: 8,
      type: "tf32",
      k: 8,
      words,
      a: "%rd1",
      b: "%rd2",
      tail: "1, 1",
      prepare: descriptor("%rd1", 0, 1, high >> 0) + descriptor("%rd2", 64 * 32, 1, high >> 0),
    }),
    product(A, B, ones(64, 8)),
  );
  // A of thread t: rows 16 w + g and + 8, columns t and t + 4, loaded straight from shared memory
  const load = (r: string, plus8: number, plus4: number): string =>
    `shr.u32 %r10, %tid, 5; shl.b32 %r10, %r10, 4; and.b32 %r11, %tid, 31; shr.u32 %r11, %r11, 2; add.u32 %r10, %r10, %r11; add.u32 %r10, %r10, ${plus8}; and.b32 %r12, %tid, 3; add.u32 %r12, %r12, ${plus4}; shl.b32 %r12, %r12, 2;
     shr.u32 %r13, %r10, 2; and.b32 %r13, %r13, 1; shl.b32 %r13, %r13, 4; xor.b32 %r12, %r12, %r13; mad.lo.u32 %r12, %r10, 32, %r12; add.u32 %r12, %r12, %r0; ld.shared.u32 ${r}, [%r12];`;
  const prepare =
    load("%r20", 0, 0) + load("%r21", 8, 0) + load("%r22", 0, 4) + load("%r23", 8, 4) + descriptor("%rd2", 64 * 32, 1, high >> 0);
  assert.equal(
    multiply({ n: 8, type: "tf32", k: 8, words, a: "{%r20, %r21, %r22, %r23}", b: "%rd2", tail: "1, 1", prepare }),
    product(A, B, ones(64, 8)),
  );
});
test.run();
