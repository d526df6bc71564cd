// What is read out of an adapter's features: subgroup matrices only where everything that kernels count on is there.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { wgslFeatures, type Opened } from "../../../runtime/webgpu/adapter.ts";
import type { GpuAdapterInfo, GpuDevice, GpuMatrixConfig } from "../../../runtime/webgpu/api.ts";

const ALL = ["shader-f16", "subgroups", "chromium-experimental-subgroup-matrix"];
const config = (componentType: string, resultComponentType: string, M: number, N: number, K: number): GpuMatrixConfig => ({
  componentType,
  resultComponentType,
  M,
  N,
  K,
});
/** An adapter with these features, subgroup sizes and products. */
function opened(
  configs: readonly GpuMatrixConfig[],
  {
    features = ALL,
    sizes = [32, 32],
    language = ["subgroup_id"],
  }: { features?: readonly string[]; sizes?: readonly number[]; language?: readonly string[] } = {},
): Opened {
  const limits = { maxComputeInvocationsPerWorkgroup: 256, maxComputeWorkgroupSizeX: 256, maxComputeWorkgroupStorageSize: 16384 };
  const info: GpuAdapterInfo = {
    vendor: "",
    architecture: "",
    device: "",
    description: "",
    subgroupMinSize: sizes[0] ?? 4,
    subgroupMaxSize: sizes[1] ?? 128,
    subgroupMatrixConfigs: configs,
  };
  return {
    gpu: { features: new Set(features), limits } as unknown as GpuDevice, // all that is read
    info,
    owned: true,
    language: new Set(language),
  };
}
const half = config("f16", "f32", 16, 16, 16);

test("products with sums of f32 are taken, f16 and large ones first", () => {
  const { matrices } = wgslFeatures(
    opened([config("f32", "f32", 8, 8, 8), config("f16", "f16", 16, 16, 16), config("f16", "f32", 8, 8, 8), half]),
  );
  assert.equal(matrices, {
    threads: 32,
    products: [
      { dtype: "f16", m: 16, n: 16, k: 16 },
      { dtype: "f16", m: 8, n: 8, k: 8 },
      { dtype: "f32", m: 8, n: 8, k: 8 },
    ],
  });
});
test("nothing is taken where a feature, one size of all subgroups, their number, or a product that keeps its sums is missing", () => {
  for (const missing of ALL)
    assert.is(wgslFeatures(opened([half], { features: ALL.filter(f => f !== missing) })).matrices, undefined, missing);
  assert.is(wgslFeatures(opened([half], { sizes: [32, 64] })).matrices, undefined);
  assert.is(wgslFeatures(opened([half], { language: [] })).matrices, undefined);
  for (const other of [config("f16", "f16", 16, 16, 16), config("i8", "i32", 16, 16, 32), config("f16", "f32", 4, 4, 4)])
    assert.is(wgslFeatures(opened([other])).matrices, undefined, JSON.stringify(other));
});

test.run();
