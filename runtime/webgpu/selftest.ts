// Is the driver any good? A handful of tiny programs over everything the runtime relies on, each with one exactly known answer.
import type { SubgroupMatrices, WgslArtifact, WgslKernel } from "../artifact.ts";
import { PullbackError } from "../errors/error.ts";
import type { ProgramStep, SlotRef } from "../program.ts";
import type { WebGpuDevice } from "./device.ts";

/** A program over one input and one output of words, and its answer. */
export interface Question {
  readonly what: string;
  readonly input: readonly number[];
  readonly kernels: readonly WgslKernel[];
  readonly steps: readonly ProgramStep<number>[];
  readonly answer: readonly number[];
  /** Asked only where shaders have f16. */
  readonly f16?: true;
}

const from: SlotRef = { slot: 0, base: 0, terms: [] },
  to: SlotRef = { slot: 1, base: 0, terms: [] };
/** A kernel of 64 threads: thread `i` of group `g`; x and y are the first words of its two parameters. */
const kernel = (name: string, groups: number, body: string, outside = "", enable = ""): WgslKernel => ({
  name,
  groups,
  params: [{ dtype: "u32" }, { dtype: "u32" }],
  code: `${enable}@group(0) @binding(0) var<storage, read_write> heap: array<u32>;
@group(0) @binding(1) var<uniform> p: array<vec4<u32>, 1>;
${outside}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) i: u32) {
  let g = id.x + id.y * 65535u; let x = p[0].x; let y = p[0].y;
  ${body}
}`,
});
const launch = (number: number, a: SlotRef = from, b: SlotRef = to): ProgramStep<number> => ({
  kind: "launch",
  kernel: number,
  args: [a, b],
});
const bits = (x: number): number => new Uint32Array(Float32Array.of(x).buffer)[0] ?? 0;
const f = Math.fround;

const questions: readonly Question[] = [
  {
    what: "integers wrap and shift",
    input: [0x9e3779b9, 31],
    kernels: [
      kernel(
        "self_integers",
        1,
        "if (i == 0u) { heap[y] = heap[x] * heap[x] + 1u; heap[y + 1u] = (heap[x] << 7u) ^ (heap[x] >> heap[x + 1u]); }",
      ),
    ],
    steps: [launch(0)],
    answer: [(Math.imul(0x9e3779b9, 0x9e3779b9) + 1) >>> 0, ((0x9e3779b9 << 7) ^ 1) >>> 0],
  },
  {
    what: "f32 sums and products are rounded to nearest",
    input: [bits(0.1), bits(0.7), bits(16777216)],
    kernels: [
      kernel(
        "self_floats",
        1,
        "if (i == 0u) { let a = bitcast<f32>(heap[x]); let b = bitcast<f32>(heap[x + 1u]); heap[y] = bitcast<u32>(a + b); heap[y + 1u] = bitcast<u32>(a * b); heap[y + 2u] = bitcast<u32>(bitcast<f32>(heap[x + 2u]) + 1.0); }",
      ),
    ],
    steps: [launch(0)],
    answer: [bits(f(f(0.1) + f(0.7))), bits(f(f(0.1) * f(0.7))), bits(16777216)],
  },
  {
    what: "f16 are widened as they are, also below the smallest normal one",
    f16: true,
    input: [0x80010001, 0x03ff0400, 0x3c007bff],
    kernels: [
      kernel(
        "self_halves",
        1,
        "if (i < 3u) { part[i] = bitcast<vec2<f16>>(heap[x + i]); } workgroupBarrier(); if (i < 3u) { let wide = bitcast<vec2<u32>>(vec2<f32>(part[i])); heap[y + 2u * i] = wide.x; heap[y + 2u * i + 1u] = wide.y; }",
        "var<workgroup> part: array<vec2<f16>, 3>;",
        "enable f16;\n",
      ),
    ],
    steps: [launch(0)],
    answer: [2 ** -24, -(2 ** -24), 2 ** -14, 1023 * 2 ** -24, 65504, 1].map(bits),
  },
  {
    what: "barriers order workgroup memory",
    input: Array.from({ length: 64 }, (_, i) => i * i),
    kernels: [
      kernel(
        "self_barriers",
        1,
        "part[i] = heap[x + i]; for (var s = 32u; s > 0u; s >>= 1u) { workgroupBarrier(); if (i < s) { part[i] += part[i + s]; } } workgroupBarrier(); heap[y + i] = part[0] + part[63u - i];",
        "var<workgroup> part: array<u32, 64>;",
      ),
    ],
    steps: [launch(0)],
    answer: Array.from({ length: 64 }, (_, i) => 85344 + partial(63 - i)),
  },
  {
    what: "a launch sees what the one before wrote, and every workgroup of a split dispatch runs",
    input: [0],
    kernels: [
      kernel("self_groups", 65538, "if (i == 0u && g == 65537u) { heap[y] = heap[y] * 3u + g; }"),
      kernel("self_first", 1, "if (i == 0u) { heap[y] = 5u; }"),
    ],
    steps: [launch(1), launch(0), launch(0)],
    answer: [(15 + 65537) * 3 + 65537],
  },
  {
    what: "copies of bytes leave their neighbours",
    input: [0x44332211, 0x88776655],
    kernels: [],
    steps: [
      { kind: "copy", from, to, bytes: 8 },
      { kind: "copy", from: { ...from, slot: 2, base: 1 }, to: { ...to, slot: 3, base: 2 }, bytes: 5 },
    ],
    answer: [0x33222211, 0x88665544],
  },
  {
    what: "a branch and a loop decide on the device",
    input: [1, 7],
    kernels: [
      kernel("self_double", 1, "if (i == 0u) { heap[y] = heap[y] * 2u; }"),
      kernel("self_below", 1, "if (i == 0u) { heap[y + 1u] = select(0u, 1u, heap[y] < 1000u); }"),
      kernel("self_start", 1, "if (i == 0u) { heap[y] = heap[x + 1u]; }"),
      kernel("self_wrong", 1, "if (i == 0u) { heap[y] = 0u; }"),
    ],
    steps: [
      { kind: "branch", index: from, cases: [[launch(3)], [launch(2)]] },
      { kind: "while", test: [launch(1)], pred: { ...to, slot: 3, base: 4 }, body: [launch(0)] },
    ],
    answer: [1792, 0],
  },
];
/** Of subgroup matrices: each product that there is, by one subgroup, of small integers. The left operand lies across, as in the kernels of products. */
export const matrixQuestions = ({ threads, products }: SubgroupMatrices): readonly Question[] =>
  products.map(({ dtype, m, n, k }) => {
    const left = (row: number, l: number): number => ((3 * row + l) % 5) - 2,
      right = (l: number, col: number): number => ((l + 2 * col) % 7) - 3;
    const code = `${dtype === "f16" ? "enable f16;\n" : ""}enable subgroups;
enable chromium_experimental_subgroup_matrix;
@group(0) @binding(0) var<storage, read_write> heap: array<u32>;
@group(0) @binding(1) var<uniform> p: array<vec4<u32>, 1>;
var<workgroup> a: array<${dtype}, ${m * k}>;
var<workgroup> b: array<${dtype}, ${k * n}>;
var<workgroup> c: array<f32, ${m * n}>;
@compute @workgroup_size(${threads})
fn main(@builtin(local_invocation_index) i: u32) {
  for (var e = i; e < ${m * k}u; e += ${threads}u) { a[e] = ${dtype}(i32((3u * (e % ${m}u) + e / ${m}u) % 5u) - 2i); }
  for (var e = i; e < ${k * n}u; e += ${threads}u) { b[e] = ${dtype}(i32((e / ${n}u + 2u * (e % ${n}u)) % 7u) - 3i); }
  workgroupBarrier();
  let left = subgroupMatrixLoad<subgroup_matrix_left<${dtype}, ${k}, ${m}>, col_major>(&a, 0u, ${m}u);
  let right = subgroupMatrixLoad<subgroup_matrix_right<${dtype}, ${n}, ${k}>, row_major>(&b, 0u, ${n}u);
  var sums = subgroup_matrix_result<f32, ${n}, ${m}>();
  sums = subgroupMatrixMultiplyAccumulate(left, right, sums);
  subgroupMatrixStore<row_major>(&c, 0u, sums, ${n}u);
  workgroupBarrier();
  for (var e = i; e < ${m * n}u; e += ${threads}u) { heap[p[0].y + e] = bitcast<u32>(c[e]); }
}`;
    const sum = (row: number, col: number): number =>
      Array.from({ length: k }, (_, l) => left(row, l) * right(l, col)).reduce((x, y) => x + y, 0);
    return {
      what: `subgroups multiply matrices of ${dtype}, ${m} by ${n} by ${k}`,
      input: [0],
      kernels: [{ name: "self_matrices", groups: 1, params: [{ dtype: "u32" }, { dtype: "u32" }], code }],
      steps: [launch(0)],
      answer: Array.from({ length: m * n }, (_, e) => bits(sum(Math.floor(e / n), e % n))),
    };
  });
/** What the tree sum of squares below 64 leaves at place k. */
function partial(k: number): number {
  const part = Array.from({ length: 64 }, (_, i) => i * i);
  for (let s = 32; s > 0; s >>= 1) for (let i = 0; i < s; i++) part[i] = (part[i] ?? 0) + (part[i + s] ?? 0);
  return part[k] ?? 0;
}

function artifactOf({ input, answer, kernels, steps }: Question): WgslArtifact {
  const slot = (id: number, dtype: "u32" | "u8" | "i32", elements: number, kind: "input" | "output"): WgslArtifact["slots"][number] => ({
    id,
    dtype,
    elements,
    home: { kind, index: 0 },
  });
  return {
    kind: "wgsl",
    inputs: [{ dtype: "u32", elements: input.length }],
    outputs: [{ dtype: "u32", elements: answer.length }],
    arenaBytes: 0,
    // the same memory as words and as bytes
    slots: [
      slot(0, "u32", input.length, "input"),
      slot(1, "u32", answer.length, "output"),
      slot(2, "u8", 4 * input.length, "input"),
      slot(3, "u8", 4 * answer.length, "output"),
    ],
    kernels,
    steps,
  };
}

/** Asks every question. @throws E0710 with those that were answered wrongly, E0707 when a shader is refused, DeviceLostError */
export async function selfTest(device: WebGpuDevice): Promise<void> {
  const wrong: string[] = [],
    { f16, matrices } = device.features,
    asked = [...questions.filter(q => q.f16 !== true || f16), ...(matrices ? matrixQuestions(matrices) : [])];
  for (const q of asked) {
    const exe = device.load(artifactOf(q));
    const input = device.upload("u32", Uint32Array.from(q.input));
    const outs = exe.run([input], [true]);
    try {
      const got = outs[0] ? Array.from(await outs[0].read()) : [];
      if (got.length !== q.answer.length || got.some((x, i) => x !== q.answer[i]))
        wrong.push(`${q.what}: ${show(got)} is not ${show(q.answer)}`);
    } finally {
      for (const o of outs) o.dispose();
      exe.dispose();
    }
  }
  if (wrong.length > 0)
    throw new PullbackError("E0710", `${device.name} fails ${wrong.length} of ${asked.length} self tests: ${wrong.join("; ")}`, {
      help: "update or change the driver, or use wasm()",
    });
}
const show = (xs: readonly number[]): string =>
  xs
    .slice(0, 4)
    .map(x => `0x${x.toString(16)}`)
    .join(" ");
