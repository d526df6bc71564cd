// A page whose Content-Security-Policy forbids WebAssembly: the error says so, at the call or at the first read of a queued one.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { add, array, jit, PullbackError, type Tensor } from "../../stdlib/index.ts";

test("the error names the policy and the directive", async () => {
  const twice = jit((x: Tensor) => add(x, x));
  const error = await Promise.resolve()
    .then(() => twice(array([1, 2])).data())
    .then(
      () => undefined,
      (e: unknown) => e,
    );
  assert.instance(error, PullbackError);
  const { code, help, message } = error as PullbackError; // an instance, as the line before has checked
  assert.is(code, "E0703");
  assert.is(help, "add 'wasm-unsafe-eval' to its script-src");
  assert.match(message, "the page's Content-Security-Policy forbids WebAssembly");
});

test.run();
