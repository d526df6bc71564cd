// A model that was compiled ahead of time and runs on the launcher alone: the JIT's bits on WebAssembly, its numbers on WebGPU; arguments, memory, donation and refusals.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openDevice, wasm, type DeviceTensor } from "../../../../runtime/aot/index.ts";
import { array, jit, type Tensor } from "../../../../stdlib/index.ts";
import * as tree from "../../../../stdlib/tree.ts";
import { built, labels, x, type Call, type Run } from "./built.ts";
import * as model from "./mlp.ts";

const { functions, skipped } = await built();
const { init, step, control, ...rest } = functions as Record<"init" | "step" | "control", Call>; // what the model has
const device = await openDevice(wasm);

const bytes = async (t: unknown): Promise<number[][]> =>
  Promise.all((tree.leaves(t) as DeviceTensor[]).map(async l => [...new Uint8Array((await l.data()).slice().buffer)])); // the launcher's tensors
const jitted = (t: unknown): number[][] => (tree.leaves(t) as Tensor[]).map(l => [...new Uint8Array(l.dataSync().slice().buffer)]); // the library's

test("functions whose parameters say shapes are compiled, the others are told", () => {
  assert.equal(rest, {});
  assert.equal(skipped, ["anything: x: Tensor<Dims, DType> says no shape"]);
});
test("a training step has the JIT's bits, step after step, its results fed back", async () => {
  let ours = (await init()) as unknown as Run; // what init returns
  let theirs = model.init();
  assert.equal(await bytes(ours), jitted(theirs));
  for (let i = 0; i < 5; i++) {
    const next = await step(ours.params, ours.state, x, labels, 0.5);
    const want = model.step(theirs.params, theirs.state, array(x).reshape([64, 2]) as never, array(labels, { dtype: "i32" }) as never, 0.5);
    assert.equal(await bytes(next), jitted(want), `step ${i}`);
    ours = next as unknown as Run;
    theirs = want;
  }
});
test("what a step replaces is donated: memory stays flat, and the old parameters are gone", async () => {
  let { params, state } = (await init()) as unknown as Run;
  const first = params.w1;
  let live = 0;
  for (let i = 0; i < 30; i++) {
    const next = (await step(params, state, x, labels, 1)) as unknown as Run & { readonly loss: DeviceTensor };
    ({ params, state } = next);
    next.loss.dispose();
    if (i === 0) live = device.live();
  }
  assert.is(device.live(), live);
  assert.ok(first.released);
  await first.data().then(
    () => assert.unreachable("it was read"),
    (e: unknown) => assert.match(String(e), "E0701: a tensor f32[2,32] is read after it was disposed or donated"),
  );
});
test("loops, branches and closed-over tensors are the JIT's too", async () => {
  const start = Float32Array.of(1, -2, 3, -0.5, 0.25),
    compiled = jit(model.control);
  for (const limit of [1, 1e3, 1e6]) {
    const out = await control(start, limit);
    assert.equal(await bytes(out), jitted(compiled(array(start) as never, array(limit) as never)));
    assert.equal([...(await (out["positive"] as DeviceTensor).data())], [1, 0, 1, 0, 1]);
  }
});
test("arrays may change as soon as the call is made", async () => {
  const a = Float32Array.of(1, 2, 3, 4, 5),
    want = await bytes(await control(a, 10));
  const pending = control(a, 10);
  a.fill(0);
  assert.equal(await bytes(await pending), want);
});

const wrong: readonly (readonly [string, () => Promise<unknown>, string])[] = [
  ["another number of elements", () => control(new Float32Array(4), 1), "E0205: control: x is 4 numbers, and was compiled for f32[5]"],
  ["another type of array", () => control(new Float64Array(5), 1), "E0104: control: x is a Float64Array, and was compiled for f32[5]"],
  ["no number at all", () => control("12345", 1), "E0104: control: x is 12345, and was compiled for f32[5]"],
  ["too few arguments", () => control(new Float32Array(5)), "E0103: control has [0], and was compiled for [0,1]"],
  [
    "another structure",
    () => step({ w1: new Float32Array(64) }, [null, null, null], x, labels, 1),
    "E0103: step.0 has [w1], and was compiled for [w1,w2]",
  ],
  [
    "a tensor of another shape",
    async () => control(((await init()) as unknown as Run).params.w1, 1),
    "E0103: control: x is f32[2,32], and was compiled for f32[5]",
  ],
];
for (const [what, call, message] of wrong)
  test(`${what} is refused, and the argument named`, () =>
    call().then(
      () => assert.unreachable("it was taken"),
      (e: unknown) => {
        assert.is((e as Error).message.split("\n")[0], message);
        assert.is((e as { code?: string }).code, message.slice(0, 5));
      },
    ));
test.run();
