// Integer and bit instructions against whole-number arithmetic written out with BigInt, over random operands and the edges.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { evaluate, values } from "../harness.ts";

/** 64 operands of so many bits: edges first, then pseudo-random ones of every size. */
function operands(bits: number, seed: number): bigint[] {
  const top = 1n << BigInt(bits),
    edges = [0n, 1n, 2n, top - 1n, top - 2n, top >> 1n, (top >> 1n) - 1n, (top >> 1n) + 1n, 31n, 32n, 33n, 63n, 64n, 255n];
  let x = BigInt(seed) * 0x9e3779b97f4a7c15n;
  const out = [...edges.slice(seed % 3), ...edges.slice(0, seed % 3)];
  while (out.length < 64) {
    x = BigInt.asUintN(64, x * 6364136223846793005n + 1442695040888963407n);
    out.push(((x >> 7n) % top) >> BigInt(out.length % bits));
  }
  return out;
}
type Fn = (...x: bigint[]) => bigint;
const pad = (xs: readonly bigint[], i: number): bigint => xs[i] ?? 0n;
/** `op` on columns of operands equals `fn`, cut to the result. Signed types are given to `fn` as signed. */
function holds(op: string, result: string, types: readonly string[], fn: Fn): void {
  const args = types.map((t, k) => values(t, operands(Number(t.slice(1)), k + 1))),
    names = types.map((_, k) => `%${"abcefgh"[k]}`),
    got = evaluate(`${op} %d, ${names.join(", ")};`, result, args),
    bits = Number(result.slice(1));
  got.forEach((g, i) => {
    const x = args.map(a => (a.type.startsWith("s") ? BigInt.asIntN(Number(a.type.slice(1)), pad(a.bits, i)) : pad(a.bits, i))),
      want = BigInt.asUintN(bits, fn(...x));
    assert.is(g, want, `${op} of ${x.join(", ")}`);
  });
}
const at = (x: readonly bigint[], i: number): bigint => x[i] ?? 0n;
const clamp = (x: bigint, low: bigint, high: bigint): bigint => (x < low ? low : x > high ? high : x);
const INTS = ["s16", "u16", "s32", "u32", "s64", "u64"];

test("add, sub, mul, mad, min, max, div, rem of every width", () => {
  for (const t of INTS) {
    const bits = BigInt(t.slice(1));
    holds(`add.${t}`, t, [t, t], (...x) => at(x, 0) + at(x, 1));
    holds(`sub.${t}`, t, [t, t], (...x) => at(x, 0) - at(x, 1));
    holds(`mul.lo.${t}`, t, [t, t], (...x) => at(x, 0) * at(x, 1));
    holds(`mul.hi.${t}`, t, [t, t], (...x) => (at(x, 0) * at(x, 1)) >> bits);
    holds(`mad.lo.${t}`, t, [t, t, t], (...x) => at(x, 0) * at(x, 1) + at(x, 2));
    holds(`mad.hi.${t}`, t, [t, t, t], (...x) => ((at(x, 0) * at(x, 1)) >> bits) + at(x, 2));
    holds(`min.${t}`, t, [t, t], (...x) => (at(x, 0) < at(x, 1) ? at(x, 0) : at(x, 1)));
    holds(`max.${t}`, t, [t, t], (...x) => (at(x, 0) > at(x, 1) ? at(x, 0) : at(x, 1)));
    holds(`div.${t}`, t, [t, t], (...x) => (at(x, 1) === 0n ? -1n : at(x, 0) / at(x, 1)));
    holds(`rem.${t}`, t, [t, t], (...x) => (at(x, 1) === 0n ? at(x, 0) : at(x, 0) % at(x, 1)));
  }
});
test("wide products, saturating sums, sign changes, sums of absolute differences", () => {
  for (const [t, w] of [
    ["s16", "s32"],
    ["u16", "u32"],
    ["s32", "s64"],
    ["u32", "u64"],
  ] as const) {
    holds(`mul.wide.${t}`, w, [t, t], (...x) => at(x, 0) * at(x, 1));
    holds(`mad.wide.${t}`, w, [t, t, w], (...x) => at(x, 0) * at(x, 1) + at(x, 2));
  }
  holds("add.sat.s32", "s32", ["s32", "s32"], (...x) => clamp(at(x, 0) + at(x, 1), -(1n << 31n), (1n << 31n) - 1n));
  holds("sub.sat.s32", "s32", ["s32", "s32"], (...x) => clamp(at(x, 0) - at(x, 1), -(1n << 31n), (1n << 31n) - 1n));
  for (const t of ["s16", "s32", "s64"]) {
    holds(`neg.${t}`, t, [t], x => -x);
    holds(`abs.${t}`, t, [t], x => (x < 0n ? -x : x));
  }
  for (const t of ["s16", "u16", "s32", "u32"])
    holds(`sad.${t}`, t, [t, t, t], (...x) => (at(x, 0) < at(x, 1) ? at(x, 1) - at(x, 0) : at(x, 0) - at(x, 1)) + at(x, 2));
  holds("mul24.lo.s32", "s32", ["s32", "s32"], (...x) => BigInt.asIntN(24, at(x, 0)) * BigInt.asIntN(24, at(x, 1)));
  holds("mad24.lo.u32", "u32", ["u32", "u32", "u32"], (...x) => BigInt.asUintN(24, at(x, 0)) * BigInt.asUintN(24, at(x, 1)) + at(x, 2));
});
test("logic and shifts; a shift by more than the width leaves zeros or signs", () => {
  for (const w of [16, 32, 64]) {
    const b = `b${w}`,
      n = BigInt(w);
    holds(`and.${b}`, b, [b, b], (...x) => at(x, 0) & at(x, 1));
    holds(`or.${b}`, b, [b, b], (...x) => at(x, 0) | at(x, 1));
    holds(`xor.${b}`, b, [b, b], (...x) => at(x, 0) ^ at(x, 1));
    holds(`not.${b}`, b, [b], x => ~x);
    holds(`cnot.${b}`, b, [b], x => (x === 0n ? 1n : 0n));
    holds(`shl.${b}`, b, [b, "b32"], (...x) => (at(x, 1) >= n ? 0n : at(x, 0) << at(x, 1)));
    holds(`shr.u${w}`, `u${w}`, [`u${w}`, "b32"], (...x) => (at(x, 1) >= n ? 0n : at(x, 0) >> at(x, 1)));
    holds(`shr.s${w}`, `s${w}`, [`s${w}`, "b32"], (...x) => at(x, 0) >> (at(x, 1) >= n ? n - 1n : at(x, 1)));
  }
});
const bitAt = (x: bigint, i: number): bigint => (x >> BigInt(i)) & 1n;
test("counting and reversing bits", () => {
  for (const w of [32, 64]) {
    const b = `b${w}`,
      ones = (x: bigint): number => Array.from({ length: w }, (_, i) => Number(bitAt(x, i))).reduce((p, q) => p + q, 0),
      top = (x: bigint): number => Array.from({ length: w }, (_, i) => (bitAt(x, i) === 1n ? i : -1)).reduce((p, q) => Math.max(p, q), -1);
    holds(`popc.${b}`, "u32", [b], x => BigInt(ones(x)));
    holds(`clz.${b}`, "u32", [b], x => BigInt(w - 1 - top(x)));
    holds(`brev.${b}`, b, [b], x => Array.from({ length: w }, (_, i) => bitAt(x, i) << BigInt(w - 1 - i)).reduce((p, q) => p | q, 0n));
    holds(`bfind.u${w}`, "u32", [`u${w}`], x => BigInt(top(x)));
    holds(`bfind.s${w}`, "u32", [`s${w}`], x => BigInt(top(BigInt.asUintN(w, x < 0n ? ~x : x))));
  }
});
test("bit fields as the ISA's pseudo-code takes them", () => {
  // the code of bfe in the PTX ISA, bit by bit
  const bfe =
    (w: number, signed: boolean): Fn =>
    (...x) => {
      const a = BigInt.asUintN(w, at(x, 0)),
        pos = Number(at(x, 1) & 255n),
        len = Number(at(x, 2) & 255n),
        msb = w - 1,
        sbit = !signed || len === 0 ? 0n : bitAt(a, Math.min(pos + len - 1, msb));
      let d = 0n;
      for (let i = 0; i <= msb; i++) d |= (i < len && pos + i <= msb ? bitAt(a, pos + i) : sbit) << BigInt(i);
      return d;
    };
  const bfi =
    (w: number): Fn =>
    (...x) => {
      const pos = Number(at(x, 2) & 255n),
        len = Number(at(x, 3) & 255n);
      let f = at(x, 1);
      for (let i = 0; i < len && pos + i <= w - 1; i++) f = (f & ~(1n << BigInt(pos + i))) | (bitAt(at(x, 0), i) << BigInt(pos + i));
      return f;
    };
  for (const w of [32, 64]) {
    holds(`bfe.u${w}`, `u${w}`, [`u${w}`, "b32", "b32"], bfe(w, false));
    holds(`bfe.s${w}`, `s${w}`, [`s${w}`, "b32", "b32"], bfe(w, true));
    holds(`bfi.b${w}`, `b${w}`, [`b${w}`, `b${w}`, "b32", "b32"], bfi(w));
  }
});
test("byte permutations, three-input logic, funnel shifts", () => {
  holds("prmt.b32", "b32", ["b32", "b32", "b32"], (...x) => {
    const bytes = (at(x, 1) << 32n) | at(x, 0);
    let d = 0n;
    for (let i = 0n; i < 4n; i++) {
      const s = (at(x, 2) >> (4n * i)) & 15n,
        byte = (bytes >> (8n * (s & 7n))) & 255n;
      d |= (s & 8n ? (byte & 128n ? 255n : 0n) : byte) << (8n * i);
    }
    return d;
  });
  for (const table of [0x80, 0x96, 0xca, 0x1b]) {
    const args = [1, 2, 3].map(k => values("b32", operands(32, k))),
      got = evaluate(`lop3.b32 %d, %a, %b, %c, ${table};`, "b32", args);
    got.forEach((g, i) => {
      let want = 0n;
      for (let k = 0; k < 32; k++) {
        const [a, b, c] = args.map(x => bitAt(pad(x.bits, i), k));
        want |= BigInt((table >> Number(4n * (a ?? 0n) + 2n * (b ?? 0n) + (c ?? 0n))) & 1) << BigInt(k);
      }
      assert.is(g, want);
    });
  }
  const both = (x: readonly bigint[]): bigint => (at(x, 1) << 32n) | at(x, 0);
  for (const mode of ["wrap", "clamp"]) {
    const n = (x: readonly bigint[]): bigint => (mode === "wrap" ? at(x, 2) & 31n : at(x, 2) > 32n ? 32n : at(x, 2));
    holds(`shf.l.${mode}.b32`, "b32", ["b32", "b32", "b32"], (...x) => (both(x) << n(x)) >> 32n);
    holds(`shf.r.${mode}.b32`, "b32", ["b32", "b32", "b32"], (...x) => both(x) >> n(x));
  }
});
test("comparisons of integers, alone and combined, and selections by them", () => {
  const fns: Readonly<Record<string, (a: bigint, b: bigint) => boolean>> = {
    eq: (a, b) => a === b,
    ne: (a, b) => a !== b,
    lt: (a, b) => a < b,
    le: (a, b) => a <= b,
    gt: (a, b) => a > b,
    ge: (a, b) => a >= b,
  };
  for (const t of INTS)
    for (const [op, f] of Object.entries(fns)) {
      const args = [1, 2].map(k => values(t, operands(Number(t.slice(1)), k))),
        got = evaluate(`setp.${op}.${t} %p|%q, %a, %b; selp.b32 %d, 1, 0, %p; @%q add.s32 %d, %d, 2;`, "b32", args),
        read = (x: bigint): bigint => (t.startsWith("s") ? BigInt.asIntN(Number(t.slice(1)), x) : x);
      got.forEach((g, i) => assert.is(g, f(read(pad(args[0]?.bits ?? [], i)), read(pad(args[1]?.bits ?? [], i))) ? 1n : 2n, `${op}.${t}`));
    }
  const a = values("s32", operands(32, 1));
  for (const [how, f] of [
    ["and", (p: boolean, q: boolean) => p && q],
    ["or", (p: boolean, q: boolean) => p || q],
    ["xor", (p: boolean, q: boolean) => p !== q],
  ] as const) {
    const got = evaluate(
      `setp.lt.s32 %p, %a, 20; setp.gt.${how}.s32 %q, %a, 1, !%p; and.pred %p, %q, %q; not.pred %q, %p; or.pred %q, %q, %q; xor.pred %p, %q, %p; mov.pred %p, %q; selp.b32 %d, 0, 1, %p;`,
      "b32",
      [a],
    );
    got.forEach((g, i) => {
      const x = BigInt.asIntN(32, pad(a.bits, i));
      assert.is(g, f(x > 1n, !(x < 20n)) ? 1n : 0n, `${x} ${how}`);
    });
  }
  assert.equal(evaluate("set.lt.u32.s32 %d, %a, 3;", "u32", [values("s32", [-1, 3, 2, 9])]).slice(0, 4), [
    0xffffffffn,
    0n,
    0xffffffffn,
    0n,
  ]);
  assert.equal(evaluate("set.eq.f32.s32 %d, %a, 3;", "f32", [values("s32", [3, 4])]).slice(0, 2), [0x3f800000n, 0n]);
  assert.equal(evaluate("setp.lo.u32 %p, %a, 3; selp.u32 %d, %a, 7, %p;", "u32", [values("u32", [2, 5])]).slice(0, 2), [2n, 7n]);
});
test("packing and unpacking registers", () => {
  const a = values("b32", [0x12345678]),
    first = (text: string, type: string, x = a): bigint | undefined => evaluate(text, type, [x])[0];
  assert.is(first("{ .reg .b16 %h<2>; mov.b32 {%h0, %h1}, %a; mov.b32 %d, {%h1, %h0}; }", "b32"), 0x56781234n);
  assert.is(first("{ .reg .b16 %h; mov.b32 {_, %h}, %a; cvt.u32.u16 %d, %h; }", "b32"), 0x1234n);
  assert.is(first("mov.b64 %d, {%a, 5};", "b64"), 0x512345678n);
  assert.is(first("mov.b64 {%t0, %d}, %a;", "b32", values("b64", [0x123456789abcdef0n])), 0x12345678n);
  assert.is(
    first(
      "{ .reg .b16 %h<4>; mov.b64 {%h0, %h1, %h2, %h3}, %a; mov.b64 %d, {%h3, %h2, %h1, %h0}; }",
      "b64",
      values("b64", [0x1111222233334444n]),
    ),
    0x4444333322221111n,
  );
  assert.is(first("mov.b32 %d, %a;", "b32"), 0x12345678n);
  assert.is(first("mov.u64 %d, %a;", "u64", values("u64", [1n << 63n])), 1n << 63n);
  assert.is(
    first("{ .reg .u32 %c<2>; mov.u32 %c0, %clock; mov.u32 %c1, %clock; setp.ge.u32 %p, %c1, %c0; selp.b32 %d, 1, 0, %p; }", "b32"),
    1n,
  );
  assert.is(
    first("mov.u32 %t0, %laneid; mov.u32 %t1, %lanemask_lt; add.u32 %t0, %t0, %t1; mov.u32 %t2, WARP_SZ; add.u32 %d, %t0, %t2;", "b32"),
    32n,
  );
});
test.run();
