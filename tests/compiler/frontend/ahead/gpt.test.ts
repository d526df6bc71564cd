// A whole GPT's training step, loss and gradient included, ahead of time: a program of hundreds of kernels with the JIT's bits, and what it weighs.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { programOf } from "../../../../compiler/frontend/ahead/program.ts";
import type { ArgumentType } from "../../../../compiler/frontend/check/types.ts";
import { step } from "../../../../examples/10-gpt-operators/functions.ts";
import { init, type Gpt } from "../../../../examples/10-gpt-operators/parameters.ts";
import { launch, openDevice, wasm as webAssembly, type DeviceTensor } from "../../../../runtime/aot/index.ts";
import type { HostArray } from "../../../../runtime/dtype.ts";
import { jit, wasm, type Tensor } from "../../../../stdlib/index.ts";
import * as random from "../../../../stdlib/random/index.ts";
import * as tree from "../../../../stdlib/tree.ts";
import { isTensor } from "../../../../compiler/trace/tensor.ts";

wasm(); // sets the engine's flags, as the JIT below would
const params = init(3, { vocabulary: 11, dim: 16, tokens: 8, blocks: 2 }),
  tokens = random.randint(random.key(5), [4, 9], 0, 11);
/** The type that says a tree's shapes. */
function typeOf(x: unknown): ArgumentType {
  if (isTensor(x)) return { kind: "tensor", dtype: x.dtype, dims: x.shape };
  if (Array.isArray(x)) return { kind: "list", items: x.map(typeOf) };
  return { kind: "object", fields: Object.entries(x as object).map(([k, v]) => [k, typeOf(v)]) }; // a tree
}
const given = (x: unknown): unknown => tree.map((t: Tensor) => t.dataSync() as never, x); // what may stand for tensors

test("a GPT trains to the JIT's bits, and one device holds what it needs", async () => {
  const began = performance.now();
  const program = programOf(
    { file: "gpt.ts", name: "step", line: 1, column: 1, names: ["params", "tokens"], args: [typeOf(params), typeOf(tokens)] },
    step as Parameters<typeof programOf>[1], // its arguments are such trees
    { sizes: {}, devices: ["wasm", "webgpu"] },
  );
  const kib = (text = ""): string => `${(text.length / 1024).toFixed(0)} KiB`;
  console.log(
    `compiled in ${Math.round(performance.now() - began)} ms: ${kib(program.wasm?.[0]?.bytes)} WebAssembly, twice, and ${kib(program.wgsl)} WGSL`,
  );
  const device = await openDevice(webAssembly),
    ahead = launch(program, [webAssembly]) as (p: unknown, t: unknown) => Promise<{ params: unknown; loss: DeviceTensor }>, // what step returns
    compiled = jit(step);
  let ours = given(params),
    theirs = params;
  for (let i = 0; i < 3; i++) {
    const next = await ahead(ours, given(tokens)),
      want = compiled(theirs, tokens);
    const bytes = (a: HostArray): number[] => [...new Uint8Array(a.slice().buffer)];
    for (const [k, t] of (tree.leaves(next) as DeviceTensor[]).entries())
      assert.equal(bytes(await t.data()), bytes((tree.leaves(want)[k] as Tensor).dataSync()), `step ${i}, result ${k}`); // the launcher's, the library's
    if (i > 0) for (const t of tree.leaves(ours) as DeviceTensor[]) t.dispose();
    ours = next.params;
    theirs = want.params as Gpt; // the step keeps the structure
  }
  assert.ok(device.live() < 2 ** 21, `${device.live()} bytes`);
});
test.run();
