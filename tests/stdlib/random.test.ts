// Random numbers against JAX's: bits, keys and uniforms exactly; what goes through log or erfInv within a few ulps.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { array, fromHost, jit, scan, stack, vmap, type Tensor } from "../../stdlib/index.ts";
import * as random from "../../stdlib/random/index.ts";
import { goldenCases, loadGolden, type GoldenArray } from "../goldens/load.ts";
import { numbers } from "../support/numbers.ts";

type Case = Readonly<Record<string, unknown>>;
const golden = loadGolden("random");
const keyOf = (c: Case): Tensor => array((c["key"] as GoldenArray).data as Uint32Array); // the file's layout
const out = (c: Case): { dtype: string; shape: number[]; data: number[] } => {
  const o = c["out"] as GoldenArray;
  return { dtype: o.dtype, shape: [...o.shape], data: Array.from(o.data as ArrayLike<number>) };
}; // the file's layout
const exact = (name: string, f: (c: Case) => Tensor, only: (c: Case) => boolean = () => true): void => {
  test(`${name} has JAX's bits`, () => {
    let seen = 0;
    for (const c of goldenCases(golden, name)) {
      if (!only(c)) continue;
      seen++;
      const y = f(c),
        want = out(c);
      assert.equal([...y.shape], want.shape);
      assert.equal(numbers(y), want.data);
    }
    assert.ok(seen > 0);
  });
};
const close = (name: string, f: (c: Case) => Tensor, ulps: number, only: (c: Case) => boolean = () => true): void => {
  test(`${name} agrees with JAX to ${ulps} ulps`, () => {
    let seen = 0;
    for (const c of goldenCases(golden, name)) {
      if (!only(c)) continue;
      seen++;
      const y = numbers(f(c)),
        want = out(c),
        eps = want.dtype === "f64" ? 2 ** -52 : 2 ** -23;
      want.data.forEach((w, i) =>
        assert.ok(Math.abs((y[i] ?? NaN) - w) <= ulps * eps * Math.max(0.25, Math.abs(w)), `${name}[${i}]: ${y[i]} and ${w}`),
      );
    }
    assert.ok(seen > 0);
  });
};
const shapeOf = (c: Case): number[] => [...(c["shape"] as number[])]; // the file's layout
const isFloat32 = (c: Case): boolean => out(c).dtype === "f32";
const num = (c: Case, k: string): number => Number(c[k]);

test("keys are the two halves of the seed", () => {
  for (const c of goldenCases(golden, "key_x64"))
    assert.equal(numbers(random.key(BigInt(String(c["seed"])))), Array.from((c["key"] as GoldenArray).data as ArrayLike<number>)); // the file's layout
});
const floatOf = (c: Case): "f32" | "f64" => out(c).dtype as "f32" | "f64"; // the file's layout
const optional = (c: Case, k: string): Tensor | undefined =>
  c[k] === null ? undefined : array((c[k] as GoldenArray).data as Float32Array); // the file's layout
const tensor = (c: Case, k: string): Tensor => {
  const g = c[k] as GoldenArray;
  return fromHost(g.dtype as "f32", [...g.shape], g.data as Float32Array);
}; // the file's layout

exact("split", c => random.split(keyOf(c), num(c, "num")));
exact("split_shape", c => random.split(keyOf(c), shapeOf(c)));
exact("fold_in", c => random.foldIn(keyOf(c), num(c, "data")));
exact(
  "bits",
  c => random.bits(keyOf(c), shapeOf(c), { dtype: c["width"] === 8 ? "u8" : "u32" }),
  c => c["width"] === 32 || c["width"] === 8,
);
exact(
  "uniform",
  c => random.uniform(keyOf(c), shapeOf(c), { dtype: floatOf(c), minval: num(c, "minval"), maxval: num(c, "maxval") }),
  c => isFloat32(c) || (c["minval"] === 0 && c["maxval"] === 1),
);
close("uniform", c => random.uniform(keyOf(c), shapeOf(c), { dtype: floatOf(c), minval: num(c, "minval"), maxval: num(c, "maxval") }), 4); // f64 rounds the product and the sum
close("normal", c => random.normal(keyOf(c), shapeOf(c), { dtype: floatOf(c) }), 32);
close("truncated_normal", c => random.truncatedNormal(keyOf(c), num(c, "lower"), num(c, "upper"), shapeOf(c), { dtype: floatOf(c) }), 32);
close("exponential", c => random.exponential(keyOf(c), shapeOf(c), { dtype: floatOf(c) }), 8);
close("gumbel", c => random.gumbel(keyOf(c), shapeOf(c), { dtype: floatOf(c) }), 16);
exact("bernoulli", c => random.bernoulli(keyOf(c), num(c, "p"), shapeOf(c)));
exact("categorical", c => random.categorical(keyOf(c), tensor(c, "logits"), c["shape"] === null ? {} : { shape: shapeOf(c) }));
exact("randint", c =>
  random.randint(keyOf(c), shapeOf(c), num(c, "minval"), num(c, "maxval"), { dtype: out(c).dtype as "i32" | "u32" | "i8" | "u8" }),
); // the file's layout
exact("permutation", c => random.permutation(keyOf(c), num(c, "n")));
exact("permutation_array", c =>
  random.permutation(keyOf(c), tensor(c, "x"), { axis: num(c, "axis"), independent: c["independent"] === true }),
);
exact("choice", c => {
  const p = optional(c, "p");
  return random.choice(keyOf(c), num(c, "n"), shapeOf(c), { replace: c["replace"] === true, ...(p ? { p } : {}) });
});

const k = random.key(5);
test("keys as separate tensors are those of split, and foldIn of i is the i-th", () => {
  assert.equal(random.keys(k, 3).flatMap(numbers), numbers(random.split(k, 3)));
  assert.equal(numbers(random.foldIn(k, 2)), numbers(random.split(k, 3)).slice(4));
  assert.equal(numbers(random.foldIn(k, -1)), numbers(random.foldIn(k, 2 ** 32 - 1)));
  assert.equal(numbers(random.foldIn(k, array(7, { dtype: "i32" }))), numbers(random.foldIn(k, 7)));
});
test("under jit, in scan and under vmap the numbers are the same", () => {
  const draw = (q: Tensor): Tensor => random.normal(q, [3]);
  const eager = random.keys(k, 4).flatMap(q => numbers(draw(q)));
  assert.equal(numbers(jit((q: Tensor) => stack(random.keys(q, 4).map(draw)))(k)), eager);
  assert.equal(numbers(vmap(draw)(random.split(k, 4))), eager);
  assert.equal(numbers(scan((none: null, q: Tensor) => [none, draw(q)] as const, null, random.split(k, 4))[1]), eager);
});
test("uniform stays below its upper end in every dtype, and uses the bits its mantissa has", () => {
  for (const [dtype, m] of [
    ["f32", 23],
    ["f64", 52],
    ["f16", 10],
    ["bf16", 7],
  ] as const) {
    const x = numbers(random.uniform(k, [4000], { dtype }));
    assert.ok(
      x.every(v => v >= 0 && v < 1 && Number.isInteger(v * 2 ** m)),
      dtype,
    );
    assert.ok(new Set(x).size >= Math.min(3900, 2 ** m * 0.9), `${dtype}: ${new Set(x).size} values`);
  }
});
test("samples have the moments of their distributions", () => {
  const n = 20000,
    moments = (x: readonly number[]): readonly [number, number] => {
      const mean = x.reduce((s, v) => s + v, 0) / x.length;
      return [mean, x.reduce((s, v) => s + (v - mean) ** 2, 0) / x.length];
    };
  const near = (x: Tensor, mean: number, variance: number): void => {
    const [m, v] = moments(numbers(x));
    assert.ok(Math.abs(m - mean) < 5 * Math.sqrt(variance / n) + 1e-3, `mean ${m}, not ${mean}`);
    assert.ok(Math.abs(v - variance) < 0.08 * variance, `variance ${v}, not ${variance}`);
  };
  near(random.uniform(k, [n], { minval: -1, maxval: 3 }), 1, 16 / 12);
  near(random.normal(k, [n], { dtype: "bf16" }), 0, 1);
  near(random.exponential(k, [n], { dtype: "f64" }), 1, 1);
  near(random.gumbel(k, [n]), 0.5772156649, Math.PI ** 2 / 6);
  near(random.randint(k, [n], -3, 4), 0, 4);
  near(random.dropoutMask(k, 0.25, [n]), 1, 1 / 3);
  near(random.bernoulli(k, array([0.2]), [n]), 0.2, 0.16);
  near(random.categorical(k, array([Math.log(0.25), -Infinity, Math.log(0.75)]), { shape: [n] }), 1.5, 0.75);
  near(random.categorical(k, array([[Math.log(0.25)], [Math.log(0.75)]]), { axis: 0, shape: [n, 1] }), 0.75, 0.1875);
  near(random.choice(k, array([10, 20]), [n], { p: array([0.5, 0.5]) }), 15, 25);
});
test("a truncated normal never reaches its ends", () => {
  const x = numbers(random.truncatedNormal(k, -0.01, 0.01, [5000]));
  assert.ok(x.every(v => v > Math.fround(-0.01) && v < Math.fround(0.01)));
  const ulp = 2 ** -23,
    narrow = numbers(random.truncatedNormal(k, 1, 1 + 3 * ulp, [200]));
  assert.ok(narrow.every(v => v === 1 + ulp || v === 1 + 2 * ulp));
  assert.ok(numbers(random.truncatedNormal(k, 0, 1, [200], { dtype: "f64" })).every(v => v > 0 && v < 1));
  assert.ok(numbers(random.truncatedNormal(k, -Infinity, 0, [200])).every(v => v < 0 && Number.isFinite(v)));
});
test("integers over a whole dtype are its bits", () => {
  const low = numbers(random.bits(random.keys(k)[1], [50]));
  assert.equal(numbers(random.randint(k, [50], 0, 2 ** 32, { dtype: "u32" })), low);
  assert.equal(
    numbers(random.randint(k, [50], -(2 ** 31), 2 ** 31)),
    low.map(v => (v + 2 ** 31) | 0),
  );
});
test("what no draw can mean is refused with the values", () => {
  assert.throws(() => random.key(0.5), /E0801: random.key got the seed 0.5/);
  assert.throws(() => random.foldIn(k, 0.5), /E0801: random.foldIn got 0.5/);
  assert.throws(() => random.truncatedNormal(k, 1, 1), /E0801: truncatedNormal got the interval \[1, 1\]/);
  assert.throws(() => random.randint(k, [2], 0, 300, { dtype: "u8" }), /E0801: randint got \[0, 300\) for u8/);
  assert.throws(() => random.dropoutMask(k, 1, [2]), /E0801: the dropout rate 1/);
  assert.throws(() => random.choice(k, 3, [4], { replace: false }), /E0801: choice: 4 draws from 3 without replacement/);
  assert.throws(() => random.choice(k, 3, [4], { p: array([0.5, 0.5]) }), /E0801: choice: p is f32\[2\] for 3 elements/);
  assert.throws(() => random.categorical(k, array([[0, 1]]), { shape: [3] }), /E0801: categorical: shape \[3\] does not end in \[1\]/);
});

test("uniform on any interval is rounded once, as a fused multiply-add does", () => {
  const n = 1 << 16,
    units = random.uniform(random.key(5), [n]).dataSync();
  for (const [lo, hi] of [
    [-0.1, 0.3],
    [-1, 0.7],
    [3, 10],
    [-1e-3, 1e-3 / 3],
    [0, 1e30 / 3],
  ] as const) {
    const f = Math.fround,
      minval = f(lo),
      span = f(f(hi) - minval);
    const got = random.uniform(random.key(5), [n], { minval: lo, maxval: hi }).dataSync();
    const wrong = Array.from(got).findIndex((x, i) => x !== Math.max(minval, f((units[i] ?? NaN) * span + minval))); // the product is exact in f64
    assert.is(wrong, -1, `[${lo}, ${hi}): draw ${wrong} of unit ${units[wrong]} is ${got[wrong]}`);
  }
});

test.run();
