// Random numbers against JAX's: bits, keys and uniforms exactly; what goes through log or erfInv within a few ulps.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { array, fromStorage, readSync, type Tensor } from "../../stdlib/index.ts";
import * as random from "../../stdlib/random/index.ts";
import { goldenCases, loadGolden, type GoldenArray } from "../goldens/load.ts";

const golden = loadGolden("random");
const numbers = (x: Tensor): number[] => Array.from(fromStorage(x.dtype, readSync(x)));
const keyOf = (c: Readonly<Record<string, unknown>>): Tensor => array((c["key"] as GoldenArray).data as Uint32Array); // the file's layout
const out = (c: Readonly<Record<string, unknown>>): { dtype: string; shape: number[]; data: number[] } => { const o = c["out"] as GoldenArray; return { dtype: o.dtype, shape: [...o.shape], data: Array.from(o.data as ArrayLike<number>) }; }; // the file's layout
const exact = (name: string, f: (c: Readonly<Record<string, unknown>>) => Tensor, only: (c: Readonly<Record<string, unknown>>) => boolean = () => true): void => {
  test(`${name} has JAX's bits`, () => {
    let seen = 0;
    for (const c of goldenCases(golden, name)) { if (!only(c)) continue; seen++; const y = f(c), want = out(c); assert.equal([...y.shape], want.shape); assert.equal(numbers(y), want.data); }
    assert.ok(seen > 0);
  });
};
const close = (name: string, f: (c: Readonly<Record<string, unknown>>) => Tensor, ulps: number, only: (c: Readonly<Record<string, unknown>>) => boolean = () => true): void => {
  test(`${name} agrees with JAX to ${ulps} ulps`, () => {
    let seen = 0;
    for (const c of goldenCases(golden, name)) {
      if (!only(c)) continue;
      seen++;
      const y = numbers(f(c)), want = out(c), eps = want.dtype === "f64" ? 2 ** -52 : 2 ** -23;
      want.data.forEach((w, i) => assert.ok(Math.abs((y[i] ?? NaN) - w) <= ulps * eps * Math.max(0.25, Math.abs(w)), `${name}[${i}]: ${y[i]} and ${w}`));
    }
    assert.ok(seen > 0);
  });
};
const shapeOf = (c: Readonly<Record<string, unknown>>): number[] => [...(c["shape"] as number[])]; // the file's layout
const isFloat32 = (c: Readonly<Record<string, unknown>>): boolean => out(c).dtype === "f32";
const num = (c: Readonly<Record<string, unknown>>, k: string): number => Number(c[k]);

test("keys are the two halves of the seed", () => {
  for (const c of goldenCases(golden, "key_x64")) assert.equal(numbers(random.key(BigInt(String(c["seed"])))), Array.from((c["key"] as GoldenArray).data as ArrayLike<number>)); // the file's layout
});
exact("split", c => random.split(keyOf(c), num(c, "num")));
exact("fold_in", c => random.foldIn(keyOf(c), num(c, "data")));
exact("bits", c => random.bits(keyOf(c), shapeOf(c)), c => c["width"] === 32);
exact("uniform", c => random.uniform(keyOf(c), shapeOf(c), { dtype: out(c).dtype as "f32" | "f64", minval: num(c, "minval"), maxval: num(c, "maxval") }), c => isFloat32(c) || (c["minval"] === 0 && c["maxval"] === 1));
close("normal", c => random.normal(keyOf(c), shapeOf(c), { dtype: out(c).dtype as "f32" | "f64" }), 40);
close("truncated_normal", c => random.truncatedNormal(keyOf(c), num(c, "lower"), num(c, "upper"), shapeOf(c), { dtype: out(c).dtype as "f32" | "f64" }), 60);
close("exponential", c => random.exponential(keyOf(c), shapeOf(c)), 8, isFloat32);
close("gumbel", c => random.gumbel(keyOf(c), shapeOf(c)), 16, isFloat32);
exact("bernoulli", c => random.bernoulli(keyOf(c), num(c, "p"), shapeOf(c)));
exact("randint", c => random.randint(keyOf(c), shapeOf(c), num(c, "minval"), num(c, "maxval")), c => out(c).dtype === "i32" && num(c, "minval") >= -(2 ** 31) && num(c, "maxval") <= 2 ** 31 - 1);
exact("permutation", c => random.permutation(keyOf(c), num(c, "n")));

test.run();
