// A page whose Content-Security-Policy lets no worker start from a blob: URL: queued calls cannot run. They fail in words, and one thread still computes.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { add, array, jit, setDefaultDevice, wasm, type Tensor } from "../../stdlib/index.ts";

const twice = jit((x: Tensor) => add(x, x));

test("a call on the queue rejects, and says which directive is missing", async () => {
  const y = twice(array([1, 2])),
    error = await y.data().then(
      () => undefined,
      (e: unknown) => e,
    );
  assert.match((error as Error).message, /E0704: the device wasm .* was lost: .*worker-src blob:/); // a rejection is an error here
  assert.throws(() => twice(array([1, 2])), /E0704/);
});
test("a synchronous device with one thread works", async () => {
  setDefaultDevice(wasm({ dispatch: "sync", threads: 1 }));
  assert.equal([...twice(array([1, 2])).dataSync()], [2, 4]);
});

test.run();
