// E0802: a check of pullback/testing failed.
import { test } from "uvu";
import { sin } from "../../compiler/extend.ts";
import { type Tensor, array, customVjp, mul } from "../../stdlib/index.ts";
import { checkGrads, checkPrimitive } from "../../stdlib/testing/index.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0802",
  "a wrong derivative is reported with both numbers",
  import.meta.url,
  () =>
    checkGrads(
      customVjp(
        (x: Tensor) => mul(x, x),
        (x: Tensor) => [mul(x, x), x],
        (x, ct) => [mul(ct, x)],
      ),
      [array(3, { dtype: "f64" })],
    ),
  {
    fact: "checkGrads: forward mode, output 0[0] gives -2.9997302647678787, the reference -5.999460528371969",
    at: "checkGrads(",
    help: "look at the jvp or transpose rule of the operation that was added last",
  },
);
teaches("E0802", "a primitive without samples is refused", import.meta.url, () => checkPrimitive(sin.primitive as never, []), {
  fact: "checkPrimitive(sin) was given no samples",
  at: "checkPrimitive(",
  help: "say where to try it: { avals, params, domain }",
});
test.run();
