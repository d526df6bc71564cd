// Trees: flattening and rebuilding are inverse, keys are sorted, dangerous keys are refused, classes can join.
import { test } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { flatten, leafPaths, leavesIf, registerTreeClass, requireSameTree, showTree, unflatten } from "../../../compiler/support/tree.ts";

const trees = (): fc.Arbitrary<unknown> => {
  const key = fc.string({ minLength: 1, maxLength: 4 }).filter(k => !["__proto__", "constructor", "prototype"].includes(k));
  const { tree } = fc.letrec(tie => ({
    tree: fc.oneof(
      { depthSize: "small" },
      fc.integer(),
      fc.constant(null),
      fc.array(tie("tree"), { maxLength: 4 }),
      fc.dictionary(key, tie("tree"), { maxKeys: 4, noNullPrototype: true }),
    ),
  }));
  return tree;
};
test("unflatten undoes flatten for any nesting of objects, arrays, null and leaves", () => {
  fc.assert(
    fc.property(trees(), t => {
      const { leaves, def } = flatten(t);
      assert.equal(unflatten(def, leaves), t);
      assert.is(def.leaves, leaves.length);
      assert.is(leafPaths(def).length, leaves.length);
    }),
  );
});
test("a tree has leaves under a known structure exactly when that is its own", () => {
  fc.assert(
    fc.property(trees(), trees(), (t, u) => {
      const known = flatten(t).def,
        { leaves, def } = flatten(u);
      assert.equal(leavesIf(known, u), known.key === def.key ? leaves : undefined);
      assert.equal(leavesIf(def, u), leaves);
    }),
  );
  const of = (t: unknown): ReturnType<typeof flatten>["def"] => flatten(t).def;
  assert.equal(leavesIf(of({ a: 1, b: 2 }), { b: 4, a: 3, c: undefined }), [3, 4]);
  assert.is(leavesIf(of({ a: 1, b: 2 }), { a: 3, b: undefined, c: 4 }), undefined);
  assert.is(leavesIf(of({ toString: 1 }), { a: 1 }), undefined);
  assert.is(leavesIf(of({ a: null, b: 1 }), { b: 1 }), undefined);
});
test("object keys are visited in sorted order, so that insertion order does not matter", () => {
  assert.equal(flatten({ b: 2, a: 1 }).leaves, [1, 2]);
  assert.is(flatten({ b: 2, a: 1 }).def.key, flatten({ a: 3, b: 4 }).def.key);
  assert.equal(leafPaths(flatten({ b: [1, { c: 2 }], a: 0 }).def), ["a", "b[0]", "b[1].c"]);
});
test("different structures have different keys, even when keys contain punctuation", () => {
  const keys = [{ a: 1 }, { a: [1] }, [1], [[1]], 1, { "a:*": 1 }, { a: null }, null, { a: 1, b: 1 }].map(t => flatten(t).def.key);
  assert.is(new Set(keys).size, keys.length);
});
test("keys that would touch prototypes are refused", () => {
  assert.throws(() => flatten(JSON.parse('{"__proto__": 1}')), /E0104/);
  assert.throws(() => flatten({ constructor: 1 }), /E0104/);
});
test("instances of a registered class are nodes with their static data in the key", () => {
  class Pair {
    readonly x: unknown;
    readonly y: unknown;
    readonly tag: string;
    constructor(x: unknown, y: unknown, tag: string) {
      this.x = x;
      this.y = y;
      this.tag = tag;
    }
  }
  registerTreeClass(Pair, {
    flatten: p => ({ children: [p.x, p.y], aux: p.tag }),
    unflatten: ([x, y], tag) => new Pair(x, y, String(tag)),
  });
  const { leaves, def } = flatten({ p: new Pair(1, [2], "t") });
  assert.equal(leaves, [1, 2]);
  assert.equal(unflatten(def, [3, 4]), { p: new Pair(3, [4], "t") });
  assert.is.not(def.key, flatten({ p: new Pair(1, [2], "u") }).def.key);
  assert.equal(leavesIf(def, { p: new Pair(5, [6], "t") }), [5, 6]);
  assert.is(leavesIf(def, { p: new Pair(5, [6], "u") }), undefined);
});
test("a structure mismatch prints both structures", () => {
  assert.is(showTree(flatten({ w: [1, 2], b: null }).def), "{b: null, w: [*, *]}");
  assert.throws(
    () => requireSameTree(flatten([1]).def, flatten({ a: 1 }).def, "the carry before and after"),
    /E0103: the carry before and after have different structures: \[\*\] and \{a: \*\}/,
  );
});

test.run();
