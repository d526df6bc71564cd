// Programs replayed as graphs: the bits of direct launches, no driver call a kernel, addresses that follow the buffers, and loops that are walked where they must be.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { planProgram } from "../../../runtime/cuda/plan.ts";
import type { PtxArtifact } from "../../../runtime/artifact.ts";
import { withFaults } from "../../cuda/faults.ts";
import { FakeDriver } from "../../cuda/fake.ts";
import { closes, paper, type Paper } from "../../cuda/paper.ts";
import {
  add,
  array,
  cond,
  fori,
  grad,
  jit,
  less,
  matmul,
  mul,
  scan,
  setDefaultDevice,
  softmax,
  sub,
  sum,
  tanh,
  while_,
  type Tensor,
} from "../../../stdlib/index.ts";

/** Results of five calls of `f` on a device of its own. */
function results(card: Paper, f: (x: Tensor, w: Tensor) => readonly Tensor[], donate: boolean): number[][] {
  setDefaultDevice(card.device);
  const run = jit((x: Tensor, w: Tensor) => f(x, w) as Tensor[], donate ? { donate: [1] } : {}),
    x = array(
      Array.from({ length: 40 }, (_, i) => Math.sin(i)),
      { shape: [8, 5] },
    );
  const out: number[][] = [];
  let w = array(
    Array.from({ length: 25 }, (_, i) => Math.cos(i)),
    { shape: [5, 5] },
  );
  for (let i = 0; i < 5; i++) {
    const r = run(x, w) as Tensor[];
    out.push(r.flatMap(t => Array.from(t.dataSync())));
    w = r[0] ?? w;
  }
  return out;
}
const programs: Readonly<Record<string, (x: Tensor, w: Tensor) => readonly Tensor[]>> = {
  "a gradient step": (x, w) => [sub(w, mul(grad((v: Tensor) => sum(mul(softmax(matmul(x, v)), tanh(matmul(x, v)))))(w), 0.1)), sum(w)],
  "a scan": (_, w) => [scan((c: Tensor, r: Tensor) => [tanh(add(mul(c, 0.5), r)), sum(mul(c, r))] as const, w, matmul(w, w))[0] as Tensor],
  "a loop that ends on its data": (x, w) => [
    while_(
      (v: Tensor) => less(sum(mul(v, v)), 100),
      (v: Tensor) => add(mul(v, 1.5), sum(x)),
      w,
    ) as Tensor,
  ],
  "a branch inside a loop": (x, w) => [
    fori(
      0,
      4,
      (_, v: Tensor) =>
        cond(
          less(sum(v), 0),
          (t: Tensor) => add(t, 1),
          (t: Tensor) => mul(t, -0.5),
          v,
        ),
      w,
    ) as Tensor,
    x,
  ],
};
for (const [what, f] of Object.entries(programs))
  for (const donate of [false, true])
    test(`${what}: replayed${donate ? ", its argument donated," : ""} it gives the bits of direct launches`, () => {
      const replayed = paper(),
        direct = paper({}, { graphs: false });
      assert.equal(results(replayed, f, donate), results(direct, f, donate));
      assert.ok(replayed.driver.launches.graphs > 0, "nothing was replayed");
      assert.is(direct.driver.launches.graphs, 0);
      closes(replayed);
      closes(direct);
    });
test("from the third step on a donated training step is one launch: no driver call for any kernel, nothing changed in the graph", () => {
  const driver = new FakeDriver(),
    said: string[] = [];
  const card = paper({}, { runAhead: 2 }, () => withFaults(driver, call => (said.push(call), undefined)).driver);
  setDefaultDevice(card.device);
  const step = jit((w: Tensor, x: Tensor) => sub(w, mul(grad((v: Tensor) => sum(tanh(matmul(x, v))))(w), 0.1)), { donate: [0] }),
    x = array(new Float32Array(12).fill(0.5), { shape: [4, 3] });
  let w: Tensor = array(new Float32Array(6).fill(0.25), { shape: [3, 2] });
  for (let i = 0; i < 3; i++) w = step(w, x);
  said.length = 0;
  for (let i = 0; i < 5; i++) w = step(w, x);
  const calls = said.filter(c => c !== "cuEventSynchronize"); // the host is two calls ahead
  assert.equal(calls, Array.from({ length: 5 }, () => ["cuGraphLaunch", "cuEventRecord"]).flat());
});
test("a step without donation goes back and forth between two buffers, and two instances serve it without a change", () => {
  const driver = new FakeDriver(),
    said: string[] = [];
  const card = paper({}, { runAhead: 2 }, () => withFaults(driver, call => (said.push(call), undefined)).driver);
  setDefaultDevice(card.device);
  const step = jit((w: Tensor) => [tanh(matmul(w, matmul(w, w))), sum(w)]);
  let w: Tensor = array(new Float32Array(400).fill(0.25), { shape: [20, 20] });
  const once = (): void => {
    const [next, total] = step(w) as [Tensor, Tensor]; // the function returns two
    total.dispose();
    w.dispose();
    w = next;
  };
  for (let i = 0; i < 6; i++) once();
  said.length = 0;
  for (let i = 0; i < 6; i++) once();
  assert.equal([...new Set(said)].toSorted(), ["cuEventRecord", "cuEventSynchronize", "cuGraphLaunch"]);
});

const ref = (
  slot: number,
  base = 0,
  terms: { readonly counter: number; readonly stride: number }[] = [],
): PtxArtifact["steps"][number] => ({ kind: "copy", from: { slot, base, terms }, to: { slot: 1, base: 0, terms: [] }, bytes: 4 });
test("loops of fixed counts are unrolled into their part; a part that would be too long is walked, its places moving with the loop", () => {
  const loop: PtxArtifact["steps"][number] = {
    kind: "loop",
    counter: 7,
    count: 3,
    reverse: true,
    body: [ref(0, 1, [{ counter: 7, stride: 10 }]), ref(0)],
  };
  const artifact: PtxArtifact = {
    kind: "ptx",
    text: "",
    kernels: [],
    inputs: [],
    outputs: [],
    arenaBytes: 0,
    slots: [0, 1].map(id => ({ id, dtype: "f32" as const, elements: 40, home: { kind: "arena" as const, offset: 0 } })),
    steps: [ref(0), loop, ref(1)],
  };
  const [whole, ...rest] = planProgram(artifact);
  assert.is(rest.length, 0);
  assert.ok(whole?.kind === "straight" && whole.fixed);
  assert.equal(
    whole.operations.map(o => (o.kind === "copy" ? o.from.offset : -1)),
    [0, 4 * 21, 0, 4 * 11, 0, 4, 0, 0],
  );
  const walked = planProgram(artifact, 4);
  assert.equal(
    walked.map(p => p.kind),
    ["straight", "loop", "straight"],
  );
  const middle = walked[1];
  assert.ok(middle?.kind === "loop" && middle.body[0]?.kind === "straight" && !middle.body[0].fixed);
});

test.run();
