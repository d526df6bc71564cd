// The text of generated shaders: whole for small kernels, and for larger ones what each must or may not say.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { WgslFeatures, WgslKernel } from "../../../../runtime/artifact.ts";
import { compile } from "../../../../compiler/compile.ts";
import {
  add,
  div,
  isNan,
  less,
  matmul,
  max,
  maximum,
  mul,
  mod,
  softmax,
  sum,
  tanh,
  zeros,
  jit,
  type Tensor,
} from "../../../../stdlib/index.ts";
import { f32, program } from "../../lower/harness.ts";

const modest: WgslFeatures = { f16: false, subgroup: 1, threads: 256, sharedBytes: 16384 };
/** The kernels of a program. */
function kernelsOf(f: Parameters<typeof program>[0], shapes: readonly (readonly number[])[], features = modest): readonly WgslKernel[] {
  const artifact = compile(program(f, ...shapes.map(s => f32(...s))), { kind: "webgpu", features });
  assert.is(artifact.kind, "wgsl");
  return artifact.kind === "wgsl" ? artifact.kernels : [];
}
const textOf = (...args: Parameters<typeof kernelsOf>): string =>
  kernelsOf(...args)
    .map(k => k.code)
    .join("\n");

test("an element-wise kernel, whole", () => {
  assert.snapshot(
    jit((x: Tensor, y: Tensor) => add(mul(x, y), 1))
      .lower(zeros([100]), zeros([100]))
      .text("wgsl"),
    `// add_0: 2 groups
@group(0) @binding(0) var<storage, read_write> heap: array<u32>;
@group(0) @binding(1) var<uniform> places: array<vec4<u32>, 1>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) at: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let group = i32(at.x);
  let lane = i32(thread);
  let p0 = places[0].x;
  let p1 = places[0].y;
  let p2 = places[0].z;
  let v0 = (group * 64i) + lane;
  if (v0 < 100i) {
    heap[p2 + u32(v0)] = bitcast<u32>(((bitcast<f32>(heap[p0 + u32(v0)]) * bitcast<f32>(heap[p1 + u32(v0)])) + 1f));
  }
}
`,
  );
});
test("a fold over everything, whole: partial sums meet in workgroup memory, always in the same order", () => {
  assert.snapshot(
    jit((x: Tensor) => sum(x))
      .lower(zeros([24]))
      .text("wgsl"),
    `// reduceSum_0: 1 groups
@group(0) @binding(0) var<storage, read_write> heap: array<u32>;
@group(0) @binding(1) var<uniform> places: array<vec4<u32>, 1>;
var<workgroup> shared0: array<f32, 8>;
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) at: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let group = i32(at.x);
  let lane = i32(thread);
  let p0 = places[0].x;
  let p1 = places[0].y;
  var v0: f32 = 0f;
  for (var v1 = 0i; v1 < 3i; v1++) {
    let v2 = lane + (v1 * 8i);
    v0 = v0 + bitcast<f32>(heap[p0 + u32(v2)]);
  }
  shared0[u32(lane)] = v0;
  workgroupBarrier();
  if (lane < 4i) {
    var v3: f32 = shared0[u32(lane)];
    v3 = v3 + shared0[u32(lane + 4i)];
    shared0[u32(lane)] = v3;
  }
  workgroupBarrier();
  v0 = shared0[0u];
  v0 = v0 + shared0[1u];
  v0 = v0 + shared0[2u];
  v0 = v0 + shared0[3u];
  if (lane == 0i) {
    heap[p1] = bitcast<u32>(v0);
  }
}
`,
  );
});
test("truth values share words of the heap, and their stores are atomic", () => {
  const text = textOf((x, y) => less(x, y), [[9], [9]]);
  assert.match(text, "array<atomic<u32>>");
  assert.match(text, "atomicXor(&heap[word], (atomicLoad(&heap[word]) ^ (value << shift)) & (0xffu << shift));");
  assert.not.match(
    textOf((x, y) => add(x, y), [[9], [9]]),
    "atomic",
  );
});
test("NaN and infinity are never constants, nor a zero beside an operator", () => {
  const text = textOf(x => maximum(add(div(mul(x, 0), NaN), 0), -Infinity), [[9]]);
  assert.not.match(text, /[^0-9.a-z]0f|\binf|\bnan\b/i);
  assert.match(text, "bitcast<f32>(0x7fc00000u | zero)");
  assert.match(text, "bitcast<f32>(0x00000000u | zero)");
  assert.match(text, "let zero = at.z;");
});
test("arithmetic on constants alone is not left to the shader's compiler, which would refuse its overflow", () => {
  const text = textOf(() => mul(mul(zeros([4]), 0).add(3e38), 3e38), []);
  assert.not.match(text, /[0-9]f \* [(0-9]/);
});
test("isNan and the maximum look at bits", () => {
  assert.match(
    textOf(x => isNan(x), [[9]]),
    "(bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u",
  );
  assert.match(
    textOf(x => max(x), [[9]]),
    "fn maximum(x: f32, y: f32) -> f32",
  );
});
test("no builtin of low accuracy is called", () => {
  const text = textOf(x => tanh(softmax(x)), [[4, 100]]);
  assert.not.match(text, /\b(exp|exp2|log|log2|sin|cos|tan|tanh|pow|inverseSqrt|atan2?|unpack\w*|pack\w*|quantizeToF16)\(/);
});
test("more than 65535 groups are counted over two dimensions, and those past the last return at once", () => {
  const [k] = kernelsOf(x => add(x, 1), [[65535 * 64 + 1]]);
  assert.is(k?.groups, 65536);
  assert.match(k?.code ?? "", "let group = i32(at.x + 65535u * at.y);\n  if (group >= 65536i) {\n    return;\n  }");
});
test("subgroups are asked for where they are used, and only there", () => {
  const four = { ...modest, subgroup: 4 };
  assert.match(
    textOf(x => sum(x), [[1000]], four),
    /^enable subgroups;\n[^]*subgroupShuffleXor\(v\d+, 2u\)/,
  );
  assert.not.match(
    textOf(x => sum(x), [[1000]]),
    "subgroup",
  );
  assert.not.match(
    textOf(x => add(x, 1), [[1000]], four),
    "subgroup",
  );
});
test("a product reads its tiles as vectors", () => {
  const text = textOf(
    (a, b) => matmul(a, b),
    [
      [64, 64],
      [64, 64],
    ],
  );
  assert.match(text, "workgroupBarrier();");
  assert.not.match(text, "storageBarrier");
});

test("on a CPU loops stay loops: what hides the number of turns from a driver's compiler is there, and only there", () => {
  const hidden = /let (e\d+) = 32i \+ i32\(zero\);\n *for \(var v\d+ = 0i; v\d+ < \1;/,
    program = (x: Tensor): Tensor => softmax(x);
  assert.match(textOf(program, [[4, 256]], { ...modest, subgroup: 8, software: true }), hidden);
  assert.not.match(textOf(program, [[4, 256]], { ...modest, subgroup: 8 }), hidden);
});
test("equal kernels in one launch do not declare a name twice", () => {
  const [one, ...more] = kernelsOf(
    (x, y) => [softmax(x), softmax(y)],
    [
      [3, 70],
      [3, 70],
    ],
  );
  const names = [...(one?.code ?? "").matchAll(/\b(?:let|var) ([ve]\d+)/g)].map(m => m[1]);
  assert.is(more.length, 0);
  assert.ok(names.length > 0);
  assert.is(new Set(names).size, names.length);
});

test("comparisons and what joins them are arithmetic: && and || would be branches", () => {
  const text =
    textOf(
      (x, y) => [less(x as Tensor, y as Tensor), maximum(x as Tensor, y as Tensor), tanh(x as Tensor), mod(x as Tensor, y as Tensor)],
      [[100], [100]],
    ) + textOf(x => softmax(x as Tensor), [[4, 256]], { ...modest, subgroup: 4, software: true });
  assert.match(text, "!isNan(x) & !isNan(y)");
  assert.not.match(text, /&&|\|\|/);
});

test.run();
