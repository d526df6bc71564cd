// The method form: the same results and errors as the functions, reading, iteration, and types.
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as lib from "../../../stdlib/index.ts";
import { array, PullbackError, slice, Tensor } from "../../../stdlib/index.ts";

test("a method is the function with its operand in front", () => {
  const x = array([
    [1, -2],
    [3, 4],
  ]);
  const both: readonly (readonly [Tensor, Tensor])[] = [
    [x.add(1), lib.add(x, 1)],
    [x.matmul(x), lib.matmul(x, x)],
    [x.sum({ axis: 0, keepdims: true }), lib.sum(x, { axis: 0, keepdims: true })],
    [x.softmax(), lib.softmax(x)],
    [x.clip(-1, 3), lib.clip(x, -1, 3)],
    [x.greater(0), lib.greater(x, 0)],
    [x.take([0, 0].length), lib.take(x, 2)],
    [x.at(slice(), 0), lib.index(x, slice(), 0)],
    [x.addAt([0], 5), lib.addAt(x, [0], 5)],
    [x.flatten(), lib.flatten(x)],
    [x.gelu({ exact: true }), lib.gelu(x, { exact: true })],
    [x.astype("i32"), lib.astype(x, "i32")],
  ];
  for (const [method, f] of both) assert.equal([method.dtype, method.tolist()], [f.dtype, f.tolist()]);
});
test("every method listed by type is installed", () => {
  const missing = (
    [
      "mod",
      "erf",
      "silu",
      "isFinite",
      "cummin",
      "roll",
      "pad",
      "trace",
      "topK",
      "takeAlongAxis",
      "maxAt",
      "at",
      "item",
      "tolist",
      "data",
    ] as const
  ).filter(name => typeof Tensor.prototype[name] !== "function");
  assert.equal(missing, []);
});
test("methods are typed as their functions", () => {
  const x = array([1, 2]);
  // @ts-expect-error a tensor is no number: were methods untyped, this line would be accepted
  const n: number = x.sum();
  // @ts-expect-error options are checked
  assert.throws(() => x.sum({ axis: "0" }));
  assert.ok((n as unknown) instanceof Tensor);
});
test("reading: one element, all of them, now and later", async () => {
  const x = array([[1, 2]]),
    half = array([1.5], { dtype: "f16" });
  assert.equal([x.sum().item(), half.item(), array(true).item()], [3, 1.5, 1]);
  assert.equal([[...x.dataSync()], [...(await x.data())], [...half.dataSync()]], [[1, 2], [1, 2], [0x3e00]]);
  assert.throws(
    () => x.item(),
    (e: unknown) => e instanceof PullbackError && e.code === "E0205" && /item\(\) of f32\[1,2\], which has 2 elements/.test(e.message),
  );
  assert.throws(
    () => lib.jit((t: Tensor) => lib.add(t, t.sum().item()))(x),
    (e: unknown) => e instanceof PullbackError && e.code === "E0101",
  );
});
test("a tensor iterates over its leading axis, and a scalar does not", () => {
  const [a, b] = array([
    [1, 2],
    [3, 4],
  ]);
  assert.equal(
    [a?.tolist(), b?.tolist()],
    [
      [1, 2],
      [3, 4],
    ],
  );
  assert.throws(
    () => [...array(1)],
    (e: unknown) => e instanceof PullbackError && e.code === "E0203",
  );
});
test("dispose releases the memory once, and reading afterwards is refused", () => {
  const x = array([1, 2]);
  {
    using y = x;
    assert.is(y.sum().item(), 3);
  }
  x.dispose();
  assert.throws(
    () => x.dataSync(),
    (e: unknown) => e instanceof PullbackError && e.code === "E0701",
  );
});

test.run();
