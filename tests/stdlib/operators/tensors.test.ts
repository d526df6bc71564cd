// What tensor scopes become that plain numbers cannot show: loops over tensors are scans that reverse mode goes through, a choice per element, indices, dtypes.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { array, grad, jit, PullbackError, type Tensor } from "../../../stdlib/index.ts";
import { rewritten } from "../../compiler/frontend/load.ts";

type Unary = (x: Tensor) => Tensor;
const scope = (body: string, parameters = "x"): Unary =>
  rewritten(`import * as pb from "pullback";\nexport function f(${parameters}) { "use tensor"; ${body} }`) as Unary; // each program takes and gives a tensor
const text = (f: Unary, x: Tensor): string => jit(f).lower(x).text("func");
const names = (program: string, name: string): number => program.split(` = ${name}[`).length - 1;

test("for…of over a tensor is one scan, and has a gradient", () => {
  const f = scope("let s = 0; for (const v of x) { s = s * 0.5 + v * v; } return s;");
  const x = array([1, 2, 3, 4]);
  assert.is(names(text(f, x), "scan"), 1);
  assert.is(f(x).item(), 16 + 9 / 2 + 4 / 4 + 1 / 8);
  assert.equal(grad(f)(x).tolist(), [0.25, 1, 3, 8]);
});
test("for…of over arange is a rolled loop whose counter is a tensor", () => {
  const f = scope("let y = x; for (const i of pb.arange(3)) { y = y * (i + 1); } return y;");
  assert.is(names(text(f, array(2)), "scan"), 1);
  assert.is(f(array(2)).item(), 12);
  assert.is(grad(f)(array(2)).item(), 6);
});
test("a scan that is left early does nothing more, and its gradient stops there", () => {
  const f = scope("let s = 0; for (const v of x) { if (v < 0) break; s += v * v; } return s;");
  const x = array([1, 2, -1, 4]);
  assert.is(f(x).item(), 5);
  assert.equal(grad(f)(x).tolist(), [2, 4, 0, 0]);
});
test("a return out of a scan gives the value of its step", () => {
  const f = scope("for (const v of x) { if (v > 1) return v * 10; } return x[0];");
  assert.is(f(array([0, 2, 3])).item(), 20);
  assert.is(f(array([0.5, 1])).item(), 0.5);
  assert.equal(grad(f)(array([0, 2, 3])).tolist(), [0, 10, 0]);
});
test("?: chooses per element, && and || combine per element", () => {
  const f = scope("return x > 0 && x < 3 || x === -1 ? x * 2 : -x;");
  assert.equal(f(array([1, -1, -2, 4])).tolist(), [2, -2, 2, -4]);
});
test("an index is NumPy's", () => {
  const x = array([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  assert.is(scope("return x[1, 2];")(x).item(), 6);
  assert.equal(scope("return x[pb.slice(), -1];")(x).tolist(), [3, 6]);
  assert.equal(scope("return x[(0, pb.slice(1))];")(x).tolist(), [2, 3]);
  assert.equal(scope("const a = [x, x]; return a[1][0];")(x).tolist(), [1, 2, 3]);
});
test("a counter takes the dtype of what it meets", () => {
  const f = scope("let n = 0, y = x; while (y > 1) { y = y / 2; n++; } return n * y;");
  assert.is(f(array(6, { dtype: "f64" })).dtype, "f64");
  assert.is(f(array(6, { dtype: "f16" })).dtype, "f16");
});
test("a loop over a tensor that decides nothing plain still runs plain code as it is", () => {
  const f = scope("const seen = []; let s = 0; for (const v of [1, 2]) { seen.push(v); s += v * x; } return s * seen.length;");
  assert.is(f(array(3)).item(), 18);
});
test("a variable that begins as a fraction and becomes an integer tensor meets it in f32, in branches and in loops", () => {
  const i = array(3, { dtype: "i32" });
  const branch = scope("let y = 1.5; if (x > 5) y = x; return y;"),
    loop = scope("let y = 1.5; for (const v of pb.zeros([0])) y = x; return y;"),
    whole = scope("let y = 0; for (const v of pb.zeros([2])) y = x; return y;");
  assert.equal([branch(i).dtype, branch(i).item()], ["f32", 1.5]);
  assert.equal([loop(i).dtype, loop(i).item()], ["f32", 1.5]);
  assert.equal([whole(i).dtype, whole(i).item()], ["i32", 3]);
});
test("reverse mode through a loop of unknown length says what to do", () => {
  const f = scope("let y = x; while (y > 1) { y = y / 2; } return y;");
  assert.throws(
    () => grad(f)(array(6)),
    (e: unknown) => e instanceof PullbackError && e.code === "E0503",
  );
});
test.run();
