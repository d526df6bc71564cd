// E0101: a tensor was used as a JavaScript number, string or condition.
import { test } from "uvu";
import { type Tensor, array, grad, jit, zeros } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches("E0101", "arithmetic on a tensor with JavaScript's operators is refused", import.meta.url, () => Number(zeros([2])) + 1, {
  fact: "a tensor f32[2] was used as a JavaScript number",
  at: "Number(",
  help: "use add, mul, less, where, cond ... ; to read a concrete value, x.item() or await x.data()",
});
teaches("E0101", "a tensor under JSON.stringify is refused", import.meta.url, () => JSON.stringify({ weights: zeros([2]) }), {
  fact: "a tensor f32[2] was passed to JSON.stringify",
  at: "stringify(",
  help: "read it first: Array.from(x.dataSync())",
});
teaches(
  "E0101",
  "reading a number out of a traced tensor is refused",
  import.meta.url,
  () => grad((x: Tensor) => x.mul(x.item()))(array(2)),
  { fact: "a traced tensor f32[] has no value to read yet", at: "item(", help: "return it from the traced function and read the result" },
);
teaches(
  "E0101",
  "lowering inside a traced function is refused",
  import.meta.url,
  () =>
    jit((x: Tensor) => {
      jit((y: Tensor) => y).lower(x);
      return x;
    })(array(1)),
  { fact: "lower was called while another function is being traced", at: "lower(", help: "call it outside, on example arguments" },
);
test.run();
