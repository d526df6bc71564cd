// What programs move, as counted: every buffer that a launch touches once, loops turn by turn.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { printTraffic, trafficOf, type Traffic } from "../../../../compiler/lower/tile/traffic.ts";
import { add, jit, matmul, mul, scan, softmax, zeros, type Tensor } from "../../../../stdlib/index.ts";
import { f32, program } from "../harness.ts";
import { card, cutFor } from "./harness.ts";

const moved = (f: ReturnType<typeof program>): readonly Traffic[] => trafficOf(cutFor(f, card).steps);
const all = (rows: readonly Traffic[]): number[] =>
  rows.reduce<[number, number, number]>((t, r) => [t[0] + r.launches, t[1] + r.read, t[2] + r.written], [0, 0, 0]);

test("an element-wise program reads its operands and writes its result, once", () => {
  assert.equal(all(moved(program((x, y) => add(mul(x, x), y), f32(1000), f32(1000)))), [1, 8000, 4000]);
});
test("a product reads both operands and writes its result", () => {
  assert.equal(all(moved(program((x, y) => matmul(x, y), f32(64, 32), f32(32, 48)))), [1, 4 * (64 * 32 + 32 * 48), 4 * 64 * 48]);
});
test("launches in a loop count turn by turn, with their copies", () => {
  const rows = moved(program((c, x) => scan((h: Tensor, r: Tensor) => [mul(h, r), null] as const, c, x)[0] as Tensor, f32(50), f32(6, 50))); // the carry is a tensor
  assert.equal(
    rows.map(r => [r.launches, r.read, r.written]),
    [
      [1, 200, 200],
      [6, 6 * 400, 6 * 200],
    ],
  );
});
test("the sum of a product's parts reads the parts, and not the operands again", () => {
  const [first, rest, ...none] = moved(program((x, y) => matmul(x, y), f32(32, 65536), f32(65536, 32)));
  assert.equal(none, []);
  assert.ok(first && rest && first.read === 2 * 4 * 32 * 65536 && first.written === rest.read && rest.written === 4 * 32 * 32);
});
test("parameters of merged launches count each", () => {
  const [only, ...none] = moved(program((x, y) => [mul(x, 2), mul(y, 2)], f32(100), f32(200)));
  assert.equal(none, []);
  assert.equal([only?.read, only?.written], [1200, 1200]);
});
test("an exponential of long rows is computed again, not stored: softmax of few long rows reads its operand three times", () => {
  const n = 4 * 200_000 * 4,
    [, read = 0, written = 0] = all(moved(program(x => softmax(x), f32(4, 200_000))));
  assert.ok(read < 3.01 * n && written < 1.01 * n, `${read / n}, ${written / n}`);
});
test("the table tells the largest first, and all", () => {
  const row = (name: string, launches: number, mega: number): Traffic => ({ name, launches, read: mega * 1e6, written: mega * 2e6 });
  assert.equal(printTraffic([row("small", 3, 1), row("large", 1, 10)]).split("\n"), [
    "launches      MB all    MB read  MB written  kernel",
    "       1       30.0       10.0       20.0  large",
    "       3        3.0        1.0        2.0  small",
    "       4       33.0       11.0       22.0  all",
  ]);
});
test("a jitted function tells it as a stage", () => {
  assert.match(
    jit((x: Tensor) => add(x, 1))
      .lower(zeros([1000]))
      .text("traffic"),
    /\n +1 +0\.0 +0\.0 +0\.0 {2}all$/,
  );
});

test.run();
