// Hand-written loop kernels on WebAssembly against the reference interpreter: shapes of loops, addresses, guards, folds, order.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DType } from "../../../../runtime/dtype.ts";
import { exprVar, scalarOps as s, type Expr } from "../../../../compiler/ir/scalar.ts";
import {
  add,
  difference,
  ENGINES,
  expected,
  fold,
  index,
  int,
  kernel,
  launch,
  load,
  loop,
  mul,
  numbers,
  program,
  run,
  store,
  type Data,
} from "./kernel_harness.ts";
import type { LoopKernel, Stmt } from "../../../../compiler/ir/kernel.ts";

const of = (dtype: DType, n: number, seed = 1): Data => ({
  dtype,
  values:
    dtype === "u32" || dtype === "u8"
      ? numbers(n, seed).map(x => Math.abs(x) * 8)
      : numbers(n, seed).map(x => (dtype === "i32" || dtype === "i8" ? x * 8 : x)),
});
const zeros = (dtype: DType, n: number): Data => ({ dtype, values: Array.from({ length: n }, () => 0) });
function agree(k: LoopKernel, buffers: readonly Data[], what: string, tolerance = 0): void {
  const want = expected(k, buffers);
  for (const engine of ENGINES)
    assert.is(difference(run(program(buffers, [launch(k)]), buffers, engine), want, tolerance), undefined, `${what}, fma ${engine.fma}`);
}
/** One item whose only statement is `body`. */
const single = (buffers: readonly Data[], body: readonly Stmt[], scratch: LoopKernel["scratch"] = []): LoopKernel =>
  kernel(buffers, 1, index("g"), body, scratch);

test("element-wise loops of every length are right in every arithmetic dtype", () => {
  for (const dtype of ["f32", "f64", "i32", "u32"] as const)
    for (let n = 0; n <= 37; n++) {
      const buffers = [of(dtype, n), of(dtype, n, 2), zeros(dtype, n)],
        i = index("i");
      agree(
        single(buffers, [loop(i, int(n), [store(2, i, mul(add(load(0, dtype, i), load(1, dtype, i)), load(0, dtype, i)))])]),
        buffers,
        `${dtype} ${n}`,
      );
    }
});
test("a loop may begin anywhere, and an empty one does nothing", () => {
  for (const [begin, end] of [
    [3, 30],
    [5, 5],
    [9, 2],
    [1, 18],
  ] as const) {
    const buffers = [of("f32", 40), zeros("f32", 40)],
      i = index("i");
    agree(single(buffers, [loop(i, int(end), [store(1, i, load(0, "f32", i))], { begin: int(begin) })]), buffers, `${begin}..${end}`);
  }
});
test("nothing is read when a loop does not run, even what does not change in it", () => {
  const buffers = [of("f32", 4), of("i32", 4), zeros("f32", 4)],
    i = index("i"),
    far = s.const(0x7fff0000, "i32");
  const body: Stmt[] = [store(2, i, add(load(0, "f32", i), load(0, "f32", far)))];
  for (const serial of [false, true])
    agree(single(buffers, [loop(i, load(1, "i32", int(3)), body, { serial, begin: int(100) })]), buffers, `serial ${serial}`);
});
test("every dtype converts to every other on the way from memory to memory", () => {
  const all: readonly DType[] = ["f32", "f64", "f16", "bf16", "i32", "u32", "i8", "u8", "bool"];
  const compute = (d: DType): DType => (d === "f16" || d === "bf16" ? "f32" : d === "i8" ? "i32" : d === "u8" ? "u32" : d);
  const tricky = [
    0,
    -0,
    1,
    -1,
    0.5,
    2.5,
    3.5,
    -2.5,
    100,
    127.9,
    -128.5,
    255.4,
    256,
    1000,
    -1000,
    65504,
    65519.9,
    65520,
    1e9,
    -1e9,
    3e9,
    5e9,
    1e-7,
    5.960464477539063e-8,
    2.98e-8,
    NaN,
    Infinity,
    -Infinity,
    1.0009765625,
    1.00146484375,
    3.3e38,
  ];
  for (const from of all)
    for (const to of all) {
      const float = from === "f32" || from === "f64" || from === "f16" || from === "bf16",
        given = float ? tricky : from === "bool" ? tricky.map((_, i) => i % 2) : tricky.map(x => (Number.isFinite(x) ? Math.trunc(x) : 7));
      if (from === "f64" && (to === "f16" || to === "bf16")) continue; // rounds by way of f32, not once as the interpreter does
      const buffers: Data[] = [{ dtype: from, values: given }, zeros(to, given.length)],
        i = index("i");
      agree(
        single(buffers, [loop(i, int(given.length), [store(1, i, s.convert(load(0, compute(from), i), to))])]),
        buffers,
        `${from} to ${to}`,
      );
    }
});
test("elements may be read backwards, at a stride, again and again, by index, across", () => {
  for (const dtype of ["f32", "f64", "f16", "i8", "bool", "i32"] as const) {
    const n = 21,
      compute: DType = dtype === "f16" ? "f32" : dtype === "i8" ? "i32" : dtype;
    const source: Data = dtype === "bool" ? { dtype, values: numbers(100).map(x => (x > 0 ? 1 : 0)) } : of(dtype, 100);
    const order: Data = { dtype: "i32", values: Array.from({ length: n }, (_, q) => (q * 13) % n) };
    const places: { readonly [name: string]: (i: Expr) => Expr } = {
      backwards: i => s.binary("sub", int(n - 1), i),
      strided: i => add(mul(i, int(4)), int(3)),
      constant: () => int(5),
      gathered: i => load(1, "i32", i),
      turned: i => s.binary("rem", mul(i, int(5)), int(n)),
      "backwards by threes": i => s.binary("sub", int(3 * n), mul(i, int(3))),
    };
    for (const [name, place] of Object.entries(places)) {
      const buffers = [source, order, zeros(dtype, 100)],
        i = index("i");
      agree(
        single(buffers, [loop(i, int(n), [store(2, i, s.convert(load(0, compute, place(i)), dtype))])]),
        buffers,
        `${dtype} read ${name}`,
      );
      if (name !== "constant")
        agree(
          single(buffers, [loop(i, int(n), [store(2, place(i), s.convert(load(0, compute, i), dtype))])]),
          buffers,
          `${dtype} written ${name}`,
        );
    }
  }
});
test("a guarded load reads nothing where the guard is false, and a guarded store writes nothing", () => {
  for (const dtype of ["f32", "f64", "bf16", "u8"] as const) {
    const compute: DType = dtype === "bf16" ? "f32" : dtype === "u8" ? "u32" : dtype;
    const buffers = [of(dtype, 20), of(dtype, 40)],
      i = index("i"),
      from = s.binary("sub", i, int(7)),
      inside = s.binary("and", s.compare("ge", from, int(0)), s.compare("lt", from, int(20)));
    const padded = load(0, compute, from, inside, s.const(9, compute));
    agree(single(buffers, [loop(i, int(40), [store(1, i, s.convert(padded, dtype))])]), buffers, `${dtype} padded`);
    agree(
      single(buffers, [loop(i, int(20), [store(1, i, load(0, compute, i), s.compare("lt", load(0, compute, i), s.const(1, compute)))])]),
      buffers,
      `${dtype} some`,
    );
    agree(
      single(buffers, [loop(i, int(20), [store(1, mul(i, int(2)), load(0, compute, i), s.compare("ne", i, int(3)))])]),
      buffers,
      `${dtype} strided`,
    );
    const never = s.compare("lt", load(0, compute, int(0)), load(0, compute, int(0)));
    agree(
      single(buffers, [loop(i, int(20), [store(1, i, s.convert(load(0, compute, mul(i, s.const(1 << 29, "i32")), never), dtype))])]),
      buffers,
      `${dtype} never`,
    );
  }
});
test("sums, products, extremes and any fold right at every length", () => {
  for (const dtype of ["f32", "f64", "i32"] as const)
    for (const n of [0, 1, 3, 4, 7, 8, 16, 17, 31, 64, 100]) {
      const buffers = [of(dtype, n), zeros(dtype, 3)],
        i = index("i"),
        x = load(0, dtype, i);
      const sum = fold(i, int(n), 0, x, add),
        least = fold(index("j"), int(n), 1000, x, (a, b) => s.binary("min", a, b)),
        q = index("q");
      const most = fold(q, int(n), -1000, load(0, dtype, q), (a, b) => s.binary("max", a, b));
      const again = { ...least.stmt, v: i } as Stmt; // the same loop variable in two loops
      agree(
        single(buffers, [sum.stmt, again, most.stmt, store(1, int(0), sum.acc), store(1, int(1), least.acc), store(1, int(2), most.acc)]),
        buffers,
        `${dtype} ${n}`,
      );
    }
});
test("folds of truth values, and of 32 and 64 bits side by side", () => {
  for (const n of [3, 9, 40]) {
    const buffers = [of("f64", n), { dtype: "bool" as const, values: [0, 0] }, zeros("f64", 1), zeros("i32", 1)],
      i = index("i"),
      x = load(0, "f64", i);
    const any = fold(i, int(n), 0, s.compare("gt", x, s.const(3.5, "f64")), (a, b) => s.binary("or", a, b)),
      all = fold(i, int(n), 1, s.compare("gt", x, s.const(-4, "f64")), (a, b) => s.binary("and", a, b));
    const best = exprVar("best", "f64"),
      at = exprVar("at", "i32"),
      a = [exprVar("a", "f64"), exprVar("a", "i32")] as const,
      b = [exprVar("b", "f64"), exprVar("b", "i32")] as const;
    const wins = s.binary("or", s.compare("gt", b[0], a[0]), s.binary("and", s.compare("eq", b[0], a[0]), s.compare("lt", b[1], a[1])));
    const argmax: Stmt = {
      kind: "fold",
      v: i,
      begin: int(0),
      end: int(n),
      folds: [
        { acc: best, init: s.const(-Infinity, "f64") },
        { acc: at, init: int(0x7fffffff) },
      ],
      body: [],
      values: [x, i],
      a,
      b,
      combine: [s.select(wins, b[0], a[0]), s.select(wins, b[1], a[1])],
    };
    agree(
      single(buffers, [
        any.stmt,
        all.stmt,
        argmax,
        store(1, int(0), any.acc),
        store(1, int(1), all.acc),
        store(2, int(0), best),
        store(3, int(0), at),
      ]),
      buffers,
      `${n}`,
    );
  }
});
test("a row softmax with three folds and a scratch row agrees to rounding", () => {
  for (const [rows, n] of [
    [3, 5],
    [4, 64],
    [2, 129],
  ] as const) {
    const buffers = [of("f32", rows * n), zeros("f32", rows * n)],
      r = index("r"),
      i = index("i"),
      at = add(mul(r, int(n)), i),
      x = load(0, "f32", at);
    const top = fold(i, int(n), -Infinity, x, (a, b) => s.binary("max", a, b)),
      e = exprVar("e", "f32");
    const total = fold(i, int(n), 0, e, add, [{ kind: "let", v: e, value: s.unary("exp", s.binary("sub", x, top.acc)) }, store(2, i, e)]);
    const out = loop(i, int(n), [store(1, at, s.binary("div", load(2, "f32", i), total.acc))]);
    agree(kernel(buffers, rows, r, [top.stmt, total.stmt, out], [{ dtype: "f32", elements: n }]), buffers, `${rows}x${n}`, 1e-6);
  }
});
test("a column sum with its accumulators in memory reads back what it wrote", () => {
  const rows = 5,
    n = 19,
    buffers = [of("f32", rows * n), zeros("f32", n)],
    r = index("r"),
    j = index("j");
  const body = [
    loop(j, int(n), [store(1, j, s.const(0, "f32"))]),
    loop(r, int(rows), [loop(j, int(n), [store(1, j, add(load(1, "f32", j), load(0, "f32", add(mul(r, int(n)), j))))])], { serial: true }),
  ];
  agree(single(buffers, body), buffers, "columns");
});
test("statements of one turn see what earlier ones stored", () => {
  const buffers = [of("f32", 20), zeros("f32", 20), zeros("f32", 20)],
    i = index("i");
  agree(
    single(buffers, [
      loop(i, int(20), [
        store(1, i, add(load(0, "f32", i), s.const(1, "f32"))),
        store(2, i, mul(load(1, "f32", i), s.const(2, "f32"))),
        store(1, i, load(2, "f32", i)),
      ]),
    ]),
    buffers,
    "in order",
  );
});
test("loops in order carry values through memory and variables", () => {
  const n = 12,
    buffers = [of("i32", n), zeros("i32", n), zeros("i32", 1)],
    i = index("i"),
    sum = exprVar("sum", "i32");
  const body: Stmt[] = [
    { kind: "let", v: sum, value: int(0) },
    loop(i, int(n), [{ kind: "set", v: sum, value: add(sum, load(0, "i32", i)) }, store(1, i, sum)], { serial: true }),
    store(2, int(0), mul(sum, int(3))),
  ];
  agree(single(buffers, body), buffers, "prefix sums");
});
test("an insertion sort with while and if sorts", () => {
  const n = 17,
    buffers = [of("f32", n)],
    i = index("i"),
    j = exprVar("j", "i32"),
    x = exprVar("x", "f32"),
    before = s.binary("sub", j, int(1)),
    ok = exprVar("ok", "bool");
  const more = load(0, "f32", s.binary("max", before, int(0)));
  const body: Stmt[] = [
    { kind: "let", v: x, value: load(0, "f32", i) },
    { kind: "let", v: j, value: i },
    { kind: "let", v: ok, value: s.const(1, "bool") },
    {
      kind: "while",
      cond: s.binary("and", ok, s.compare("gt", j, int(0))),
      body: [
        {
          kind: "if",
          cond: s.compare("gt", more, x),
          yes: [store(0, j, more), { kind: "set", v: j, value: before }],
          no: [{ kind: "set", v: ok, value: s.const(0, "bool") }],
        },
      ],
    },
    store(0, j, x),
  ];
  const k = single(buffers, [loop(i, int(n), body, { serial: true, begin: int(1) })]);
  agree(k, buffers, "sort");
  assert.equal(
    run(program(buffers, [launch(k)]), buffers, ENGINES[0] as (typeof ENGINES)[number])[0],
    [...(buffers[0]?.values ?? [])].sort((p, q) => p - q),
  );
});
test("the split of a grid over threads changes no bit", () => {
  const rows = 13,
    n = 37,
    buffers = [
      { dtype: "f32" as const, values: Array.from({ length: rows * n }, (_, i) => Math.sin(i) * 3) },
      zeros("f32", rows),
      zeros("f32", rows * n),
    ],
    r = index("r"),
    i = index("i"),
    at = add(mul(r, int(n)), i);
  const total = fold(i, int(n), 0, s.unary("exp", load(0, "f32", at)), add);
  const k = kernel(buffers, rows, r, [
    total.stmt,
    store(1, r, total.acc),
    loop(i, int(n), [store(2, at, s.binary("div", load(0, "f32", at), total.acc))]),
  ]);
  for (const engine of ENGINES) {
    const whole = run(program(buffers, [launch(k)]), buffers, engine);
    for (const piece of [1, 2, 5, 100])
      assert.is(difference(run(program(buffers, [launch(k)]), buffers, engine, piece), whole), undefined, `pieces of ${piece}`);
  }
});
test("the vectors of a loop and its left-over items round alike", () => {
  const n = 23,
    values = Array.from({ length: n }, () => 0.7310585),
    buffers: Data[] = [{ dtype: "f32", values }, zeros("f32", n)],
    i = index("i"),
    x = load(0, "f32", i);
  const body = [store(1, i, s.unary("tanh", s.fma(x, x, s.unary("sin", x))))];
  for (const engine of ENGINES) {
    const [, out = []] = run(program(buffers, [launch(single(buffers, [loop(i, int(n), body)]))]), buffers, engine);
    assert.equal(new Set(out).size, 1);
  }
});

test.run();
