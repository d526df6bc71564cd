// Dawn's compiler of WGSL (Tint) takes what no driver here could run: products on subgroup matrices, for every product that an adapter may have, and on packed f16. Dawn's null backend has all features, checks
// shaders and pipelines as for any adapter, and runs nothing; that their values are right is the business of lower/tile/subgroup/product.test.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { MatrixProduct, WgslFeatures } from "../../../../runtime/artifact.ts";
import type { DType } from "../../../../runtime/dtype.ts";
import { matrixQuestions } from "../../../../runtime/webgpu/selftest.ts";
import type { GpuAdapter, GpuDevice, Gpu } from "../../../../runtime/webgpu/api.ts";
import { compile } from "../../../../compiler/compile.ts";
import type { Aval } from "../../../../compiler/ir/aval.ts";
import type { Func } from "../../../../compiler/ir/func.ts";
import { add, conv, einsum, gelu, matmul, transpose } from "../../../../stdlib/index.ts";
import { SKIPPED } from "../../../runner/totals.ts";
import { program } from "../../lower/harness.ts";

const FEATURES = ["chromium-experimental-subgroup-matrix", "shader-f16", "subgroups"];
/** Dawn's object is kept: collected while promises are open, it takes the process down. */
let dawn: Gpu | undefined;
/** A device of Dawn's null backend, or why there is none. */
async function nullDevice(): Promise<GpuDevice | string> {
  const { create } = (await import("webgpu").catch(() => ({}))) as { create?(flags: string[]): Gpu }; // the package's documented entry
  if (!create) return "the optional package webgpu is missing";
  dawn = create(["backend=null", "enable-dawn-features=allow_unsafe_apis"]);
  const adapter: GpuAdapter | null = await dawn.requestAdapter();
  if (!adapter) return "Dawn has no null backend";
  const lacks = FEATURES.filter(f => !adapter.features.has(f));
  if (lacks.length > 0 || !dawn.wgslLanguageFeatures?.has("subgroup_id"))
    return `Dawn's null backend lacks ${lacks.join() || "subgroup_id"}`;
  return adapter.requestDevice({ requiredFeatures: FEATURES });
}

const of =
  (dtype: DType) =>
  (...shape: number[]): Aval => ({ dtype, shape });
/** Products of operands of a dtype: plain, odd, turned, with work after, in batches, in parts, of gathered windows, large. */
function products(dtype: DType): readonly Func[] {
  const t = of(dtype);
  return [
    program((a, b) => matmul(a, b), t(64, 64), t(64, 64)),
    program((a, b) => matmul(a, b), t(65, 33), t(33, 67)),
    program((a, b) => matmul(transpose(a), transpose(b)), t(40, 36), t(68, 40)),
    program((a, b, c) => add(gelu(add(matmul(a, b), c)), c), t(17, 33), t(33, 18), t(18)),
    program((a, b) => einsum("bthd,bshd->bhts", a, b), t(2, 17, 2, 16), t(2, 20, 2, 16)),
    program((a, b) => matmul(a, b), t(20, 1100), t(1100, 24)),
    program((x, w) => conv(x, w, { padding: "same" }), t(1, 8, 9, 9), t(17, 8, 3, 3)),
    program((a, b) => matmul(a, b), t(512, 256), t(256, 512)),
  ];
}
/** Texts of the kernels of some programs, each once. */
function shaders(dtype: DType, features: Partial<WgslFeatures>, of: RegExp, precision?: "tensorfloat32"): readonly string[] {
  const found = new Set<string>();
  for (const f of products(dtype))
    for (const n of [0, 1, 2, 3]) {
      const artifact = compile(
        f,
        { kind: "webgpu", features: { f16: true, subgroup: 32, threads: 256, sharedBytes: 16384, ...features } },
        { choose: c => c.names[n], ...(precision && { precision }) },
      );
      if (artifact.kind === "wgsl") for (const k of artifact.kernels) if (of.test(k.code)) found.add(k.code);
    }
  return [...found];
}

const device = await nullDevice();
if (typeof device === "string") {
  console.log(`${SKIPPED}Tint's checks of subgroup matrices: ${device}`);
  test.skip("Tint's checks of subgroup matrices");
} else {
  /** What Tint and Dawn refuse. */
  const refused = async (code: string): Promise<string | undefined> => {
    device.pushErrorScope("validation");
    const module = device.createShaderModule({ code }),
      pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint: "main" } }).then(
        () => undefined,
        (e: unknown) => String(e),
      ),
      error = await device.popErrorScope();
    return error?.message ?? pipeline;
  };
  const square = (dtype: MatrixProduct["dtype"], side: number): MatrixProduct => ({ dtype, m: side, n: side, k: side });
  for (const [dtype, unit, precision] of [
    ["f16", square("f16", 16)],
    ["f16", square("f16", 8)],
    ["f16", { dtype: "f16", m: 8, n: 16, k: 32 }],
    ["bf16", square("f32", 8)],
    ["f32", square("f32", 8), "tensorfloat32"],
  ] as const)
    test(`Tint compiles products of ${dtype} on matrices of ${unit.m} by ${unit.n} by ${unit.k} of ${unit.dtype}`, async () => {
      const all = shaders(dtype, { matrices: { threads: 32, products: [unit] } }, /subgroup_matrix_left/, precision);
      assert.ok(all.length >= 10, `${all.length} shaders`);
      for (const code of all) {
        assert.match(code, new RegExp(`subgroup_matrix_left<${unit.dtype}, ${unit.k}, ${unit.m}>`));
        assert.match(code, new RegExp(`subgroup_matrix_right<${unit.dtype}, ${unit.n}, ${unit.k}>`));
        const why = await refused(code);
        assert.is(why, undefined, `${why}\n${code}`);
      }
    });
  test("Tint compiles the self test's questions about matrices", async () => {
    const asked = matrixQuestions({ threads: 128, products: [square("f16", 16), square("f32", 8), { dtype: "f16", m: 8, n: 16, k: 32 }] });
    for (const { kernels } of asked) for (const { code } of kernels) assert.is(await refused(code), undefined, code);
  });
  test("Tint compiles products on packed f16 and bf16", async () => {
    for (const dtype of ["f16", "bf16"] as const) {
      const all = shaders(dtype, {}, /var<workgroup> shared0: array<(vec\d<f16>|vec2<u32>|u32),/);
      assert.ok(all.length >= 10, `${all.length} shaders`);
      for (const code of all) assert.is(await refused(code), undefined, code);
    }
  });
  test("Tint refuses a place that threads of a subgroup may disagree about, and matrices that do not fit each other", async () => {
    const [code = ""] = shaders("f16", { matrices: { threads: 32, products: [square("f16", 16)] } }, /subgroup_matrix_left/);
    assert.match((await refused(code.replace("let subgroup = i32(whose)", "let subgroup = lane / 32i"))) ?? "", /uniform/);
    assert.match(
      (await refused(code.replaceAll("subgroup_matrix_left<f16, 16, 16>", "subgroup_matrix_left<f16, 8, 16>"))) ?? "",
      /no matching/,
    );
  });
}

test.run();
