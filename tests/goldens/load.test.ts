// The goldens decode, say where they come from, and carry what README.md promises. Their values are other tests' business.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { goldenArray, goldenAt, goldenCases, isGoldenArray, loadGolden } from "./load.ts";
import type { Golden } from "./load.ts";

const names = ["gpt", "random", "ops", "optim", "nn"] as const;

/** Every array below `node`, with its path. */
function* arrays(
  node: Golden,
  path = "",
): Generator<readonly [string, { readonly shape: readonly number[]; readonly data: { readonly length: number } }]> {
  if (isGoldenArray(node)) yield [path, node];
  else if (node !== null && typeof node === "object")
    for (const [key, child] of Object.entries(node)) yield* arrays(child, `${path}.${key}`);
}

test("every file names its maker and the version of the engine", () => {
  for (const name of names) {
    const golden = loadGolden(name);
    assert.is(goldenAt(golden, "header", "made_by"), `make_${name}.py`);
    assert.is(goldenAt(golden, "header", "jax"), "0.10.2");
  }
});

test("every array has as many elements as its shape says", () => {
  for (const name of names) {
    let seen = 0;
    for (const [path, { shape, data }] of arrays(loadGolden(name))) {
      assert.is(
        data.length,
        shape.reduce((a, b) => a * b, 1),
        `${name}${path}`,
      );
      seen++;
    }
    assert.ok(seen > 50, `${name} holds ${seen} arrays`);
  }
});

test("the model's tree has the documented shapes in both precisions", () => {
  const golden = loadGolden("gpt");
  for (const dtype of ["f64", "f32"]) {
    assert.equal(goldenArray(golden, dtype, "params", "layers", "up").shape, [2, 8, 32]);
    assert.equal(goldenArray(golden, dtype, "functional_sam", "embed").shape, [11, 8]);
    assert.is(goldenArray(golden, dtype, "grad", "lnf").dtype, dtype);
    assert.equal(goldenArray(golden, dtype, "tokens").shape, [3, 7]);
  }
});

test("the stored logits give the stored loss", () => {
  const golden = loadGolden("gpt");
  const [logits, tokens] = [goldenArray(golden, "f64", "logits").data, goldenArray(golden, "f64", "tokens").data];
  const [b, t, v] = [3, 6, 11];
  let sum = 0;
  for (let i = 0; i < b; i++) {
    for (let j = 0; j < t; j++) {
      const row = Array.from({ length: v }, (_, k) => Number(logits[(i * t + j) * v + k]));
      sum += Math.log(row.reduce((a, x) => a + Math.exp(x), 0)) - Number(row[Number(tokens[i * (t + 1) + j + 1])]);
    }
  }
  assert.ok(Math.abs(sum / (b * t) - Number(goldenArray(golden, "f64", "loss").data[0])) < 1e-13);
});

test("threefry's first known answer is Random123's", () => {
  const [first] = goldenCases(loadGolden("random"), "threefry2x32");
  assert.ok(first !== undefined);
  assert.equal([...goldenArray(first, "out").data], [0x6b200159, 0x99ba4efe]);
});

test("a path that leads nowhere is named", () => {
  assert.throws(() => goldenAt(loadGolden("optim"), "optimizers", "adamx"), /optimizers\.adamx/);
  assert.throws(() => goldenArray(loadGolden("optim"), "optimizers"), /no array at optimizers/);
});

test.run();
