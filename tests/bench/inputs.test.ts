import { test } from "uvu";
import * as assert from "uvu/assert";
import { rows, select } from "../../bench/catalogue.ts";
import { quantile, threeDigits } from "../../bench/harness/statistics.ts";
import { parse, UsageError } from "../../bench/options.ts";
import { fill } from "../../bench/peers/fill.ts";

test("uniform inputs are the numbers that NumPy makes of the same formula, centred and of the scale asked for", () => {
  const x = Array.from(fill({ kind: "uniform", shape: [100, 100], seed: 1, scale: 2 }));
  assert.equal(x.slice(0, 3), [...Float32Array.of(-1.0493841171264648, -1.7072440385818481, -1.3406330347061157)]);
  const mean = x.reduce((a, b) => a + b, 0) / x.length,
    square = x.reduce((a, b) => a + b * b, 0) / x.length;
  assert.ok(Math.abs(mean) < 0.05 && Math.abs(square - 4 / 3) < 0.05);
  assert.ok(x.every(v => v >= -2 && v <= 2));
});
test("integers are below their limit and all occur", () => {
  const x = fill({ kind: "integers", shape: [1000], seed: 3, below: 10 });
  assert.equal(
    [...new Set(x)].sort((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
});
test("choosing a ratio chooses the rows it divides, in the table's order", () => {
  assert.equal(
    select(["cliff"]).chosen.map(r => r.id),
    ["gemm1000", "gemm1001", "cliff"],
  );
  assert.equal(select(["cliff", "nonsense"]).unknown, ["nonsense"]);
});
test("heavy rows run only when named", () => {
  assert.not.ok(select(undefined).chosen.some(r => r.id === "gptlarge"));
  assert.ok(select(["gptlarge"]).chosen.some(r => r.id === "gptlarge"));
  assert.is(new Set(rows.map(r => r.id)).size, rows.length);
});
test("a wrong option is an error that names the flag and what is allowed", () => {
  const says = (argv: string[]): string => {
    try {
      parse(argv);
      return "";
    } catch (error) {
      assert.instance(error, UsageError);
      return error instanceof Error ? error.message : "";
    }
  };
  assert.match(says(["--rows", "gemm3"]), /^--rows gemm3: there is no row "gemm3"; the rows are gemm256, /);
  assert.match(says(["--columns", "numpy"]), /^--columns numpy: there is no column "numpy"; the columns are pullback, /);
  assert.match(says(["--fast"]), /--fast/);
  assert.is(parse(["--help"]), undefined);
  assert.equal(parse(["--columns", "torch,pullback", "--quick"])?.columns, ["pullback", "torch"]);
});
test("figures have three significant digits and no exponent", () => {
  assert.equal([0.004519, 0.05, 1.349, 23.44, 234.4, 1921.4, 0].map(threeDigits), [
    "0.00452",
    "0.0500",
    "1.35",
    "23.4",
    "234",
    "1,920",
    "0",
  ]);
});
test("quantiles interpolate", () => {
  assert.equal(
    [0, 0.25, 0.5, 1].map(q => quantile([4, 1, 3, 2], q)),
    [1, 1.75, 2.5, 4],
  );
  assert.ok(Number.isNaN(quantile([], 0.5)));
});

test.run();
