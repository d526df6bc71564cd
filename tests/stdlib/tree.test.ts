// Arithmetic and structure of trees.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { array, grad, isFinite, jit, PullbackError, type Tensor } from "../../stdlib/index.ts";
import * as tree from "../../stdlib/tree.ts";

const params = () => ({ layers: [{ w: array([1, 2]) }, { w: array([3, 4]) }], bias: array(5), none: null });
const read = (t: unknown): unknown => tree.map((x: Tensor) => x.tolist(), t);

test("map keeps the structure, and names both when trees differ", () => {
  assert.equal(read(tree.map((x: Tensor, y: Tensor) => x.mul(y), params(), params())), {
    layers: [{ w: [1, 4] }, { w: [9, 16] }],
    bias: 25,
    none: null,
  });
  assert.equal(tree.mapWithPath((path: string) => path, params()) as unknown, {
    layers: [{ w: "layers[0].w" }, { w: "layers[1].w" }],
    bias: "bias",
    none: null,
  });
  assert.throws(
    () => tree.add(params(), { bias: array(1) }),
    (e: unknown) => e instanceof PullbackError && e.code === "E0103" && /\{bias: \*\}/.test(e.message),
  );
});
test("leaves come in the order of sorted keys, and go back", () => {
  const { leaves, def } = tree.flatten({ b: 2, a: [1, null] });
  assert.equal(
    [leaves, tree.unflatten(def, leaves), tree.paths({ b: 2, a: [1, null] }), tree.structure([1]).key === tree.structure([2]).key],
    [[1, 2], { a: [1, null], b: 2 }, ["a[0]", "b"], true],
  );
  assert.is(tree.size(params()), 5);
});
test("sums, differences, multiples and zeros act leaf by leaf, in each leaf's dtype", () => {
  assert.equal(
    [read(tree.add(params(), params())), read(tree.sub(params(), params())), read(tree.zerosLike(params()))],
    [
      { layers: [{ w: [2, 4] }, { w: [6, 8] }], bias: 10, none: null },
      { layers: [{ w: [0, 0] }, { w: [0, 0] }], bias: 0, none: null },
      { layers: [{ w: [0, 0] }, { w: [0, 0] }], bias: 0, none: null },
    ],
  );
  const half = tree.scale(array(0.5), { x: array([2, 4], { dtype: "bf16" }) });
  assert.equal([half.x.dtype, half.x.tolist()], ["bf16", [1, 2]]);
});
test("dot and norm run over all leaves, in f32 or wider", () => {
  assert.equal([tree.dot(params(), params()).item(), tree.norm([array([3]), array([4])]).item()], [55, 5]);
  assert.equal(
    [tree.norm([array([1], { dtype: "f16" })]).dtype, tree.norm([array([1], { dtype: "f64" }), array([1])]).dtype, tree.norm([]).item()],
    ["f32", "f64", 0],
  );
  assert.ok(Math.abs(tree.norm([array([300, 400], { dtype: "f16" })]).item() - 500) < 1e-3, "squares of f16 do not overflow");
});
test("all asks every element", () => {
  const t = { a: array([1, 2]), b: array(3) };
  assert.equal(
    [tree.all(tree.map((x: Tensor) => isFinite(x), t)).item(), tree.all({ ...t, b: array([0, 1]) }).item(), tree.all([]).item()],
    [1, 0, 1],
  );
});
test("stack and unstack are inverse", () => {
  const stacked = tree.stack([params(), tree.add(params(), params())]);
  assert.equal(stacked.layers[0]?.w.shape, [2, 2]);
  assert.equal(tree.unstack(stacked).map(read), [read(params()), read(tree.add(params(), params()))]);
});
test("a registered class is a node, under jit and grad too", () => {
  class Affine {
    readonly w: Tensor;
    readonly name: string;
    constructor(w: Tensor, name: string) {
      this.w = w;
      this.name = name;
    }
  }
  tree.register(Affine, {
    flatten: a => ({ children: [a.w], aux: a.name }),
    unflatten: ([w], name) => new Affine(w as Tensor, name as string),
  }); // as flattened
  const g = jit((a: Affine) => grad((b: Affine) => b.w.square().sum())(a))(new Affine(array([1, 2]), "first"));
  assert.ok(g instanceof Affine);
  assert.equal([g.w.tolist(), g.name], [[2, 4], "first"]);
});

test.run();
