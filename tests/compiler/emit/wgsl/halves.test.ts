// The text of products of 16-bit floats: what lies packed, what is carried as it is, what is rounded, and where f16 may not be said.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../../../compiler/compile.ts";
import type { Aval } from "../../../../compiler/ir/aval.ts";
import { conv, matmul, transpose, type Tensor } from "../../../../stdlib/index.ts";
import { program } from "../../lower/harness.ts";

const of = (dtype: "f16" | "bf16" | "f32", ...shape: number[]): Aval => ({ dtype, shape });
const product = (a: Tensor, b: Tensor): Tensor => matmul(a, b);
/** The kernel of a program that has shared memory, for an adapter with f16 or without, before and after `fn main`. */
function textOf(f: Parameters<typeof program>[0], avals: readonly Aval[], f16 = true): { readonly head: string; readonly main: string } {
  const artifact = compile(program(f, ...avals), { kind: "webgpu", features: { f16, subgroup: 1, threads: 256, sharedBytes: 32768 } });
  if (artifact.kind !== "wgsl") throw new Error("WGSL is expected");
  const code = artifact.kernels.find(k => k.code.includes("var<workgroup>"))?.code ?? "",
    at = code.indexOf("@compute");
  return { head: code.slice(0, at), main: code.slice(at) };
}

test("f16 lie in shared memory as they are, and come there in fours without a conversion, however they lie", () => {
  for (const [f, a, b] of [
    [product, of("f16", 256, 256), of("f16", 256, 256)],
    [(x: Tensor, y: Tensor) => matmul(transpose(x), transpose(y)), of("f16", 256, 256), of("f16", 256, 256)],
  ] as const) {
    const { head, main } = textOf(f, [a, b]),
      [before, after = ""] = main.split("vec4<f32>(shared0");
    assert.match(head, /^enable f16;\n/);
    assert.match(head, /var<storage, read_write> heap: array<vec2<u32>>;/);
    assert.match(head, /var<workgroup> shared0: array<vec4<f16>, \d+>;\nvar<workgroup> shared1: array<vec4<f16>, \d+>;/);
    assert.match(main, /= bitcast<vec4<f16>>\(heap\[/);
    assert.match(main, /= vec4<f32>\(shared0\[/);
    assert.not.match(before ?? "", /fromHalf|toHalf|f32\(/, "what is brought is not converted");
    assert.match(after, /var v\d+: f16 = 0h;|toHalf/);
    assert.match(
      main,
      /heap\[.* \/ 4u\] = vec2<u32>\(\(toHalf\(v\d+\) \| \(toHalf\(v\d+\) << 16u\)\)/,
      "results are rounded once, and stored together",
    );
  }
});
test("what waits in registers for its turn is f16 there, whether it was loaded as it lies or gathered", () => {
  const loaded = textOf(product, [of("f16", 255, 63), of("f16", 63, 257)]).main,
    gathered = textOf((x, w) => conv(x, w, { padding: "same" }), [of("f16", 2, 8, 9, 9), of("f16", 32, 8, 3, 3)]).main;
  for (const main of [loaded, gathered]) assert.match(main, /var v\d+: f16 = 0h;/);
  assert.match(loaded, /v\d+ = select\(0h, bitcast<vec2<f16>>\(load16\(.*\)\)\.x, /);
  for (const main of [loaded, gathered]) assert.not.match(main, /fromHalf/);
});
test("bf16 are halves of words, widened by a shift and a mask, and want no feature", () => {
  for (const f16 of [true, false]) {
    const { head, main } = textOf(product, [of("bf16", 256, 256), of("bf16", 256, 256)], f16);
    assert.not.match(head, /enable/);
    assert.match(head, /var<workgroup> shared0: array<vec2<u32>, \d+>;/);
    assert.match(main, /bitcast<f32>\(q\d+\.y & 0xffff0000u\)/);
  }
});
test("without the feature, and where operands are of f32, strips are words", () => {
  for (const { head } of [
    textOf(product, [of("f16", 256, 256), of("f16", 256, 256)], false),
    textOf(product, [of("f32", 256, 256), of("f32", 256, 256)]),
  ]) {
    assert.not.match(head, /f16/);
    assert.match(head, /var<workgroup> shared0: array<vec4<f32>, \d+>;/);
  }
});

test.run();
