// jit: one trace per argument types, reasons for new ones, static arguments, donation, debugging of NaN, inspection of stages, errors at the user's line.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { add, array, exp, grad, jit, log, matmul, mul, scan, sub, sum, tanh, type Tensor } from "../../stdlib/index.ts";

const numbers = (x: Tensor): number[] => Array.from(x.dataSync());

test("the second call never traces; a new shape, dtype or structure does, and says why", () => {
  const reasons: string[] = [];
  const f = jit((p: { readonly w: Tensor }, s: number | Tensor) => mul(p.w, s), { onTrace: r => reasons.push(r) });
  f({ w: array([1, 2]) }, 2);
  f({ w: array([3, 4]) }, 5);
  assert.is(f.traces, 1);
  f({ w: array([1, 2, 3]) }, 2);
  f({ w: array([1, 2, 3], { dtype: "f64" }) }, 2);
  assert.equal(reasons, ["first call", "args[0].w was f32[2], is f32[3]", "args[0].w was f32[3], is f64[3]"]);
});
test("static arguments are compared by identity and baked in", () => {
  const f = jit((x: Tensor, mode: string) => (mode === "double" ? add(x, x) : mul(x, x)), { static: [1] });
  assert.equal(numbers(f(array([3]), "double")), [6]);
  assert.equal(numbers(f(array([3]), "square")), [9]);
  assert.equal(numbers(f(array([4]), "double")), [8]);
  assert.is(f.traces, 2);
});
test("a donated argument is dead afterwards and the result is right", () => {
  const f = jit((x: Tensor) => add(mul(x, 2), 1), { donate: [0] });
  const x = array(Float32Array.from({ length: 1000 }, (_, i) => i));
  const y = f(x);
  assert.is(y.dataSync()[999], 1999);
  assert.throws(() => x.dataSync(), /E0701/);
});
test("closures over concrete tensors become inputs", () => {
  const w = array([10, 20]);
  assert.equal(numbers(jit((x: Tensor) => add(x, w))(array([1, 2]))), [11, 22]);
});
test("jit inside jit and inside grad is inlined", () => {
  const square = jit((x: Tensor) => mul(x, x));
  assert.is(jit(grad((x: Tensor) => square(square(x))))(array(2)).item(), 32);
});
test("eager and compiled execution give the same bits", () => {
  const f = (x: Tensor): Tensor => sum(tanh(sub(exp(mul(x, 0.3)), log(add(mul(x, x), 1)))), { axis: 1 });
  const x = array(
    Float32Array.from({ length: 35 }, (_, i) => Math.sin(i)),
    { shape: [5, 7] },
  );
  assert.equal(numbers(f(x)), numbers(jit(f)(x)));
});
test("expressions are walked as DAGs: a chain of elementary functions on constants compiles without repeating shared parts", () => {
  const f = jit((x: Tensor) => {
    let y = mul(x, 0);
    for (let i = 0; i < 6; i++) y = exp(tanh(y));
    return y;
  });
  assert.equal([...f(array(new Float64Array(0), { shape: [0, 4] })).shape], [0, 4]);
});
test("every stage prints", () => {
  const l = jit((x: Tensor) => sum(exp(x))).lower(array([1, 2, 3]));
  assert.match(l.text("func"), /^func\(a: f32\[3\]\)/);
  assert.match(l.text("optimized"), /reduceSum/);
  assert.match(l.text("kernels"), /fold/);
  assert.match(l.text("func", { sources: true }), /jit\.test\.ts:\d+:\d+/);
});
test("debugNans names the operation and the line that made the first NaN", () => {
  const f = jit((x: Tensor) => mul(log(sub(x, 5)), 2), { debugNans: true });
  assert.throws(
    () => f(array([1])),
    (e: unknown) => e instanceof Error && /E0603: log made NaN/.test(e.message) && /jit\.test\.ts:\d+/.test(e.message),
  );
  assert.is(f(array([6])).dataSync()[0], 0);
});
test("a tensor used as a number, a leaked tracer and a wrong return value are errors that teach", () => {
  assert.throws(() => jit((x: Tensor) => array(Number(x)))(array(1)), /E0101/);
  let leaked: Tensor | undefined;
  jit((x: Tensor) => {
    leaked = mul(x, 2);
    return x;
  })(array(1));
  assert.throws(() => add(leaked as Tensor, 1), /E0102/); // set by the traced function
  assert.throws(() => jit((x: Tensor) => [x, "text"] as unknown as Tensor)(array(1)), /E0105/);
  assert.throws(() => jit((x: Tensor) => matmul(x, x))(array([[1, 2, 3]])), /E0202/);
});
test("a loop of many layers compiles once: kernels do not grow with the length of a scan", () => {
  const f = (n: number): string =>
    jit((x: Tensor, w: Tensor) => scan((h: Tensor, v: Tensor) => [tanh(mul(h, v)), null] as const, x, w)[0])
      .lower(array([1, 2]), array(new Float32Array(2 * n), { shape: [n, 2] }))
      .text("kernels");
  assert.is(f(3).match(/^kernel/gm)?.length, f(300).match(/^kernel/gm)?.length);
});

test.run();
