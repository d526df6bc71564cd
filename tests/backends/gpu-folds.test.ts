// Folds, sorts and scatters that take several launches of many groups, larger than the samples of the conformance suite: on WebGPU over a driver that waits as a card does not, and
// on the CUDA device without a card, against the Wasm device.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  jit,
  argsort,
  array,
  cummax,
  cumsum,
  logsumexp,
  mean,
  mul,
  sort,
  sum,
  take,
  grad,
  toDevice,
  type Tensor,
} from "../../stdlib/index.ts";
import type { Device } from "../../runtime/device.ts";
import { closes, paper } from "../cuda/paper.ts";
import { onDawn } from "./webgpu.ts";

/** Numbers that are no pattern of a piece's length. */
const numbers = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => 0.25 + ((i * 7919) % 1013) / 1013);
const cases: readonly (readonly [
  name: string,
  f: (...xs: Tensor[]) => Tensor | readonly Tensor[],
  inputs: readonly (readonly [shape: readonly number[], integers?: number])[],
])[] = [
  ["a mean, and what is subtracted from each element", x => [mean(x as Tensor), mul(x as Tensor, mean(x as Tensor))], [[[20000]]]],
  ["the logarithm of a sum of exponentials of long rows", x => logsumexp(x as Tensor, { axis: 1 }), [[[2, 17000]]]],
  ["tall columns", x => sum(x as Tensor, { axis: 0 }), [[[9001, 8]]]],
  ["a long sort, with its positions", x => [sort(x as Tensor), argsort(x as Tensor)], [[[2500]]]],
  ["lines of a sort", x => sort(x as Tensor), [[[20, 50]]]],
  ["a running sum", x => cumsum(x as Tensor, { axis: 0 }), [[[9000]]]],
  ["a running maximum from the end, along the first axis", x => cummax(x as Tensor, { axis: 0, reverse: true }), [[[2500, 2]]]],
  [
    "the gradient of an embedding",
    (t, i, c) => grad((x: Tensor) => sum(mul(take(x, i as Tensor, { axis: 0 }), c as Tensor)))(t as Tensor),
    [[[60, 70]], [[1100], 60], [[1100, 70]]],
  ],
];
const build = (inputs: (typeof cases)[number][2]): Tensor[] =>
  inputs.map(([shape, integers]) => {
    const n = shape.reduce((x, y) => x * y, 1);
    return integers === undefined
      ? array(numbers(n), { shape })
      : array(
          Int32Array.from({ length: n }, (_, i) => (i * 7919) % integers),
          { shape },
        );
  });
async function compare(on: Device): Promise<void> {
  for (const [name, f, inputs] of cases) {
    const here = build(inputs),
      list = (y: Tensor | readonly Tensor[]): readonly Tensor[] => (Array.isArray(y) ? (y as readonly Tensor[]) : [y as Tensor]); // Array.isArray does not narrow readonly arrays
    const want = list(f(...here)),
      there = await Promise.all(here.map(x => toDevice(x, on)));
    const got = list(jit(f)(...there));
    for (const [k, w] of want.entries()) {
      const x = Array.from<number>(await (got[k] as Tensor).data()), // as many
        y = Array.from<number>(await w.data());
      const largest = y.reduce((m, v) => Math.max(m, Math.abs(v)), 1),
        at = y.findIndex((v, i) => !(Math.abs((x[i] ?? NaN) - v) <= 1e-5 * largest));
      assert.is(at, -1, `${name}: result ${k}[${at}] is ${x[at]}, on Wasm ${y[at]}`);
    }
  }
}

const card = paper({ capability: 75 });
test("on the CUDA device", async () => {
  await compare(card.device);
});
test("nothing is left behind, and nothing was done that a driver forbids", () => closes(card));
await onDawn("lavapipe", s => test("on WebGPU, cut as for a card", () => compare(s.device)));
