import { test } from "uvu";
import * as assert from "uvu/assert";
import { BASELINE } from "../../../../compiler/emit/wasm/features.ts";
import type { WasmFeatures } from "../../../../compiler/emit/wasm/features.ts";
import { wasmFeatures } from "../../../../runtime/wasm/features.ts";
import { compileCase, expected } from "./gemm_harness.ts";
import type { Case, Compiled } from "./gemm_harness.ts";

/** Fused multiply-add and paired vectors are tested where the engine has them. Asking sets its flags, so it comes before any module. */
const { fma: fmaKnown } = wasmFeatures();
const FEATURES: readonly WasmFeatures[] = [
  BASELINE,
  { ...BASELINE, wide: true },
  ...(fmaKnown
    ? [
        { ...BASELINE, fma: true },
        { ...BASELINE, fma: true, wide: true },
      ]
    : []),
];
const SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 100, 127, 129];

function check(wanted: Case, features: WasmFeatures): Compiled {
  const made = compileCase(wanted, features);
  made.run();
  compare(made.c, expected(wanted, made), wanted);
  return made;
}

function compare(got: ArrayLike<number>, want: Float64Array, what: Case): void {
  const tolerance = (what.dtype === "f32" ? 2e-6 : 1e-14) * (what.k + 4) * (what.prologue ? 4 : 1);
  for (let i = 0; i < want.length; i++) {
    const error = Math.abs((got[i] ?? NaN) - (want[i] ?? NaN));
    if (!(error <= tolerance)) assert.unreachable(`${JSON.stringify(what)}: element ${i} is ${got[i]}, expected ${want[i]}`);
  }
}

/** Walks the sizes with coprime steps, so that each size meets many others. */
function* mixes(count: number): Generator<{ m: number; n: number; k: number; turn: number }> {
  const at = (i: number): number => SIZES[i % SIZES.length] ?? 1;
  for (let t = 0; t < count; t++) yield { m: at(t), n: at(t * 5 + Math.floor(t / 18)), k: at(t * 7 + 3 * Math.floor(t / 18)), turn: t };
}

for (const features of FEATURES) {
  const label = `fma ${features.fma}, wide ${features.wide}`;
  for (const dtype of ["f32", "f64"] as const) {
    test(`${dtype}, ${label}: products of all size mixes and all four transposes agree with a triple loop`, () => {
      for (const { turn, ...size } of mixes(144)) check({ dtype, ...size, ta: turn % 2 === 1, tb: turn % 4 > 1 }, features);
    });
    test(`${dtype}, ${label}: batched operands, shared operands, prologues and epilogues agree with a triple loop`, () => {
      const prologues = [undefined, "vector", "scalar"] as const;
      for (const { turn, ...size } of mixes(108)) {
        const prologue = prologues[turn % 3];
        check(
          {
            dtype,
            ...size,
            batch: 1 + (turn % 3),
            ta: turn % 4 > 1,
            tb: turn % 8 > 3,
            sharedA: turn % 5 === 0,
            sharedB: turn % 7 < 3,
            epilogue: turn % 2 === 0,
            ...(prologue && { prologue }),
          },
          features,
        );
      }
    });
    test(`${dtype}, ${label}: long sums visit the tile buffer between chunks of k`, () => {
      for (const k of [512, 513, 1030])
        for (const epilogue of [false, true]) {
          const { plan } = check({ dtype, m: 13, n: 37, k, epilogue }, features);
          assert.is(plan.chunks > 1, dtype === "f64" || k > 512);
          check({ dtype, m: 9, n: 6, k, epilogue, ta: true, tb: true }, features);
        }
    });
  }
}

for (const fma of fmaKnown ? [false, true] : [false])
  test(`fma ${fma}: tiles for paired vectors give the same bits as those for single ones`, () => {
    const bits = (wanted: Case, wide: boolean): Uint8Array => {
      const { c, run } = compileCase(wanted, { ...BASELINE, fma, wide });
      run();
      return new Uint8Array(c.buffer, c.byteOffset, c.byteLength).slice();
    };
    const prologues = [undefined, "vector", "scalar"] as const;
    for (const dtype of ["f32", "f64"] as const)
      for (const { turn, ...size } of mixes(54)) {
        const prologue = prologues[turn % 3];
        const wanted = { dtype, ...size, ta: turn % 2 === 1, tb: turn % 4 > 1, epilogue: turn % 5 === 0, ...(prologue && { prologue }) };
        assert.equal(bits(wanted, true), bits(wanted, false), JSON.stringify(wanted));
      }
    for (const [m, n, k] of [
      [1, 40, 515],
      [2, 9, 64],
      [40, 1, 70],
      [13, 7, 1030],
      [6, 8, 33],
    ] as const)
      // dot products, chunks of k, tall tiles
      for (const tb of [false, true]) assert.equal(bits({ dtype: "f32", m, n, k, tb }, true), bits({ dtype: "f32", m, n, k, tb }, false));
  });

test("products with one to four rows or columns take the dot or the transposed path and agree", () => {
  for (const small of [1, 2, 3, 4])
    for (const large of [5, 40, 131])
      for (const k of [3, 16, 67, 600])
        for (const epilogue of [false, true]) {
          for (const dtype of ["f32", "f64"] as const)
            for (const ta of [false, true])
              for (const tb of [false, true]) {
                check({ dtype, m: small, n: large, k, ta, tb, epilogue, batch: 2 }, BASELINE);
                check({ dtype, m: large, n: small, k, ta, tb, epilogue, batch: 2 }, BASELINE);
              }
        }
  assert.is(compileCase({ dtype: "f32", m: 1000, n: 1, k: 64 }, BASELINE).plan.method, "dot");
  assert.is(compileCase({ dtype: "f32", m: 1, n: 1000, k: 64, tb: true }, BASELINE).plan.method, "dot");
});

test("K = 0 gives zeros (and the epilogue of zeros); empty outputs have empty grids", () => {
  for (const epilogue of [false, true])
    for (const [m, n] of [
      [5, 9],
      [1, 7],
      [7, 1],
    ] as const) {
      check({ dtype: "f32", m, n, k: 0, epilogue }, BASELINE);
      check({ dtype: "f64", m, n, k: 0, epilogue, prologue: "scalar" }, BASELINE);
    }
  for (const size of [
    { m: 0, n: 4 },
    { m: 4, n: 0 },
    { m: 4, n: 4, batch: 0 },
  ]) {
    const made = compileCase({ dtype: "f32", k: 8, ...size }, BASELINE);
    assert.is(made.plan.gemmGrid + made.plan.packGrid, 0);
    made.run();
  }
});

test("any split of the grids gives the same bits", () => {
  const cases: Case[] = [
    { dtype: "f32", m: 300, n: 129, k: 1030, ta: true, epilogue: true },
    { dtype: "f32", batch: 3, m: 65, n: 100, k: 33, tb: true },
    { dtype: "f64", m: 127, n: 70, k: 600, sharedB: true, batch: 2 },
    { dtype: "f32", m: 3, n: 1000, k: 64, tb: true, epilogue: true },
    { dtype: "f32", m: 2, n: 1000, k: 640 },
  ];
  for (const wanted of cases) {
    const made = compileCase(wanted, BASELINE);
    assert.ok(made.plan.gemmGrid > 1);
    made.run();
    const whole = made.c.slice();
    for (const piece of [1, 3, 7]) {
      made.c.fill(NaN);
      made.run(piece);
      assert.equal(made.c, whole);
    }
    made.c.fill(NaN);
    for (let t = made.plan.gemmGrid; t-- > 0;) made.main(t, t + 1);
    assert.equal(made.c, whole, "in reverse order");
  }
});

test("each output element is stored exactly once, so an epilogue may update in place", () => {
  const blocked = [67, 75, 83, 91, 99, 131, 195, 259, 515, 1003].map(n => [16, n, 512] as const); // column blocks that end at the last full panel, or not
  assert.ok(blocked.some(([m, n, k]) => compileCase({ dtype: "f32", m, n, k, counting: true }, BASELINE).plan.colBlocks > 1));
  for (const [m, n, k] of [[37, 23, 40], [6, 1, 50], [5, 3, 20], [1, 30, 9], ...blocked] as const) {
    const made = compileCase({ dtype: "f32", m, n, k, epilogue: true, counting: true }, BASELINE);
    made.c.fill(0);
    made.run();
    assert.ok(
      made.c.every(x => x === 1),
      `${m} x ${n} x ${k}`,
    );
  }
});

test.run();
