// Launches that wait for nothing are one, with a body for all parts that are alike: the same bits as launched one by one, as few launches as promised, and text that does not grow with the
// number of equal parts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { WgslArtifact } from "../../../../../runtime/artifact.ts";
import { compile } from "../../../../../compiler/compile.ts";
import type { Func } from "../../../../../compiler/ir/func.ts";
import { runSchedule } from "../../../../../compiler/reference/schedule.ts";
import { add, grad, jit, matmul, mul, softmax, square, sum, zeros, type Tensor } from "../../../../../stdlib/index.ts";
import { dotProductAttention, layerNorm } from "../../../../../stdlib/nn/index.ts";
import { adamwOver, cut, launches, mergedIsUnmerged, programs } from "../../../../backends/merged.ts";
import { f32, inputsOf, program } from "../../harness.ts";
import { card, targets } from "../harness.ts";

test("merged launches give the bits that they give one by one, whatever the target, and no thread races another", async () => {
  for (const target of targets)
    await mergedIsUnmerged(target, (f, p) =>
      runSchedule(
        p,
        inputsOf(f).map(x => ({ ...x, data: x.data.slice() })),
      ),
    );
});
test("what waits for nothing is one launch", () => {
  for (const [what, [f, n]] of Object.entries(programs))
    for (const target of targets) if (!target.matrix) assert.is(launches(cut(f, target, true)), n, what);
});
test("products in parts have their parts side by side: the products are one launch, and so are their sums", () => {
  const f = program((a, b, c) => [matmul(a, b), matmul(c, b)], f32(16, 4096), f32(4096, 16), f32(16, 4096)),
    [one, each] = [true, false].map(merged => cut(f, card, merged)) as [ReturnType<typeof cut>, ReturnType<typeof cut>]; // two
  assert.equal([launches(one), launches(each)], [2, 4]);
  const bits = (p: typeof one): unknown => runSchedule(p, inputsOf(f)).map(x => [...x]);
  assert.equal(bits(one), bits(each));
});
test("a target's room for parameters is kept", () => {
  const f = adamwOver(Array.from({ length: 12 }, () => [4, 4])),
    p = cut(f, { threads: 64, group: 16, subgroup: 1, sharedBytes: 6144, double: false, parameters: 40 }, true);
  assert.ok(launches(p) > 1 && launches(p) <= 4, `${launches(p)}`);
  for (const s of p.steps) assert.ok(s.kind === "launch" && s.kernel.params.length <= 40);
});

/** A program as shaders, for a card and for an adapter that computes on a CPU. */
const shaders = (f: Func): WgslArtifact[] =>
  [
    { f16: false, subgroup: 32, threads: 256, sharedBytes: 16384 },
    { f16: false, subgroup: 8, threads: 256, sharedBytes: 16384, software: true },
  ].map(features => compile(f, { kind: "webgpu", features }) as WgslArtifact); // what webgpu is compiled to
const textLength = ({ kernels }: WgslArtifact): number => kernels.reduce((n, k) => n + k.code.length, 0);

test("AdamW over sixty leaves is one dispatch of one small shader", () => {
  const few = shaders(adamwOver(Array.from({ length: 3 }, () => [64, 64]))),
    many = shaders(adamwOver(Array.from({ length: 60 }, () => [64, 64])));
  many.forEach((a, i) => {
    assert.is(launches(a), 1);
    assert.ok(textLength(a) < 6000, `${textLength(a)} characters`);
    assert.ok(textLength(a) < textLength(few[i] as WgslArtifact) + 200, "the text grows"); // one each
  });
});
test("so is a call of four hundred leaves; of as many sizes it is longer, but still one", () => {
  const call = (sizes: (i: number) => number): Func =>
    jit((xs: readonly Tensor[]) => xs.map(x => add(x, 1))).lower(Array.from({ length: 400 }, (_, i) => zeros([sizes(i)]))).func;
  for (const a of shaders(call(() => 16))) {
    assert.is(launches(a), 1);
    assert.ok(textLength(a) < 1000, `${textLength(a)} characters`);
  }
  for (const a of shaders(call(i => 16 + i))) {
    assert.is(launches(a), 1);
    assert.ok(textLength(a) < 100_000, `${textLength(a)} characters`);
  }
});
test("softmax is one dispatch, the gradient of layer norm at most three, attention one, and its gradient at most three", () => {
  const most = (f: Func, n: number): void => shaders(f).forEach(a => assert.ok(launches(a) <= n, `${launches(a)} for ${n}`));
  most(
    program(x => softmax(x), f32(1024, 1024)),
    1,
  );
  const norm = (x: Tensor, scale: Tensor, bias: Tensor): Tensor => mul(sum(square(layerNorm(x, { scale, bias }))), 0.5);
  most(
    program((x, g, b) => grad((p: Tensor[]) => norm(...(p as [Tensor, Tensor, Tensor])))([x, g, b]), f32(1024, 1024), f32(1024), f32(1024)), // three operands
    3,
  );
  const of = (q: Tensor, k: Tensor, v: Tensor): Tensor => dotProductAttention(q, k, v, { causal: true }),
    heads = f32(2, 256, 4, 64);
  most(program(of, heads, heads, heads), 1);
  most(
    program(
      (q, k, v) => grad((p: Tensor[]) => mul(sum(square(of(...(p as [Tensor, Tensor, Tensor])))), 0.5))([q, k, v]),
      heads,
      heads,
      heads,
    ), // three operands
    3,
  );
});

test.run();
