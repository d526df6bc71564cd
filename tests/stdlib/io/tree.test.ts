// Trees of tensors through safetensors bytes: round trips with and without a structure, and refusals with both facts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { array, fromStorage, jit, PullbackError, readSync, Tensor, type DType } from "../../../stdlib/index.ts";
import { decodeSafetensors, encodeSafetensors, loadSafetensors, saveSafetensorsSync } from "../../../stdlib/io/index.ts";
import * as optim from "../../../stdlib/optim/index.ts";

const dtypes: readonly DType[] = ["f32", "f64", "f16", "bf16", "i32", "u32", "i8", "u8", "bool"];
const show = (x: unknown): unknown =>
  x instanceof Tensor
    ? { dtype: x.dtype, shape: [...x.shape], data: Array.from(fromStorage(x.dtype, readSync(x))) }
    : Array.isArray(x)
      ? x.map(show)
      : typeof x === "object" && x !== null
        ? Object.fromEntries(Object.entries(x).map(([k, v]) => [k, show(v)]))
        : x;
const refuses = (f: () => unknown, code: string, pattern: RegExp): void => {
  assert.throws(f, (e: unknown) => {
    assert.instance(e, PullbackError);
    assert.is((e as PullbackError).code, code);
    assert.match((e as PullbackError).message, pattern);
    return true;
  });
};

test("a tree of every dtype comes back with its arrays and objects, without being told its structure", () => {
  const tree = {
    layers: dtypes.map(dtype => ({
      w: array(
        [
          [0, 1, 1],
          [1, 0, 1],
        ],
        { dtype },
      ),
      scale: array(1, { dtype }),
    })),
    head: { b: array([0.5, -2]) },
  };
  assert.equal(show(loadSafetensors(saveSafetensorsSync(tree))), show(tree));
});
test("a file without tensors is an empty object", () => {
  assert.equal(loadSafetensors(saveSafetensorsSync({})), {});
});
test("names are paths with dots, as other programs write them", () => {
  const { tensors, metadata } = decodeSafetensors(
    saveSafetensorsSync({ layers: [{ w: array([1]) }, { w: array([2]) }] }, { metadata: { step: "7" } }),
  );
  assert.equal([...tensors.keys()], ["layers.0.w", "layers.1.w"]);
  assert.is(metadata.get("step"), "7");
});
test("given a tree to fill, numbers, booleans, null and empty lists come back as they were", () => {
  const tree = { w: array([1, 2]), lr: 0.1, on: true, none: null, empty: [] as Tensor[] };
  assert.equal(show(loadSafetensors(saveSafetensorsSync(tree), { like: tree })), show(tree));
});
test("an optimizer's state is a tree like any other, and training resumes from it bit for bit", () => {
  const opt = optim.adamw({ lr: optim.linear({ init: 0.1, end: 0.01, steps: 5 }) }),
    params = { w: array([1, 2, 3]) },
    grads = { w: array([0.3, -0.2, 0.5]) };
  const step = jit((p: typeof params, s: ReturnType<typeof opt.init>) => {
    const [u, next] = opt.update(grads, s, p);
    return { p: optim.applyUpdates(p, u), s: next };
  });
  const one = step(params, opt.init(params)),
    bytes = saveSafetensorsSync(one);
  const back = loadSafetensors(bytes, { like: one });
  assert.equal(show(step(back.p, back.s as never)), show(step(one.p, one.s as never)));
});
test("saving twice gives the same bytes", () => {
  const tree = { b: array([1]), a: { c: array([2], { dtype: "f64" }) } };
  assert.equal(saveSafetensorsSync(tree), saveSafetensorsSync({ a: { c: array([2], { dtype: "f64" }) }, b: array([1]) }));
});
test("what is missing, left over or of another type is named with both facts", () => {
  const bytes = saveSafetensorsSync({ a: array([1, 2]), b: array([3]) });
  refuses(() => loadSafetensors(bytes, { like: { a: array([0, 0]) } }), "E0903", /the file holds "b", the tree to fill does not/);
  assert.equal(show(loadSafetensors(bytes, { like: { a: array([0, 0]) }, extra: "ignore" })), show({ a: array([1, 2]) }));
  refuses(
    () => loadSafetensors(bytes, { like: { a: array([0, 0]), b: array([0]), c: array([0]) } }),
    "E0903",
    /needs "c", the file does not hold it/,
  );
  refuses(
    () => loadSafetensors(bytes, { like: { a: array([0, 0, 0]), b: array([0]) } }),
    "E0903",
    /a is f32\[2\] in the file, f32\[3\] in the tree/,
  );
  refuses(
    () => loadSafetensors(bytes, { like: { a: array([0, 0], { dtype: "f64" }), b: array([0]) } }),
    "E0903",
    /a is f32\[2\] in the file, f64\[2\]/,
  );
});
test("what has no values or no name cannot be saved", () => {
  refuses(() => saveSafetensorsSync(array([1])), "E0904", /bare tensor/);
  refuses(() => saveSafetensorsSync({ "a.b": array([1]), a: { b: array([2]) } }), "E0904", /two leaves of the tree have the name "a.b"/);
  refuses(() => saveSafetensorsSync({ a: "text" }), "E0904", /a is a string/);
  refuses(
    () =>
      jit((x: Tensor) => {
        saveSafetensorsSync({ x });
        return x;
      })(array([1])),
    "E0904",
    /x cannot be saved/,
  );
  const gone = array([1]);
  gone.dispose();
  refuses(() => saveSafetensorsSync({ gone }), "E0904", /gone cannot be saved/);
});
test("names that no tree may have are refused without touching a prototype", () => {
  const file = (...names: string[]): Uint8Array =>
    encodeSafetensors({ metadata: new Map(), tensors: new Map(names.map(n => [n, { dtype: "u8", shape: [], data: Uint8Array.of(1) }])) });
  refuses(() => loadSafetensors(file("a.__proto__.b")), "E0903", /__proto__/);
  refuses(() => loadSafetensors(file("constructor.prototype.x")), "E0903", /constructor/);
  refuses(() => loadSafetensors(file("a", "a.b")), "E0903", /both a tensor and a folder/);
  refuses(() => loadSafetensors(file("a.b", "a")), "E0903", /both a tensor and a folder/);
  refuses(() => loadSafetensors(file(Array(100).fill("a").join("."))), "E0903", /100 parts/);
  assert.is(({} as Record<string, unknown>)["b"], undefined);
});
test("any names give a tree or an E09xx", () => {
  const name = fc
    .array(fc.constantFrom("a", "0", "1", "__proto__", "", "toString", "b"), { minLength: 1, maxLength: 4 })
    .map(parts => parts.join("."));
  fc.assert(
    fc.property(fc.uniqueArray(name, { maxLength: 5 }), names => {
      const bytes = encodeSafetensors({
        metadata: new Map(),
        tensors: new Map(names.map((n, i) => [n, { dtype: "u8", shape: [], data: Uint8Array.of(i) }])),
      });
      try {
        loadSafetensors(bytes);
      } catch (e) {
        if (!(e instanceof PullbackError) || e.code !== "E0903") throw e;
      }
    }),
    { numRuns: 300 },
  );
});

test.run();
