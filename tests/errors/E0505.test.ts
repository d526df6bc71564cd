// E0505: a condition or an index has the wrong type.
import { test } from "uvu";
import { type Tensor, array, cond, switch_, while_ } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0505",
  "a condition that is no bool is refused",
  import.meta.url,
  () =>
    cond(
      array(1),
      (x: Tensor) => x,
      (x: Tensor) => x,
      array(1),
    ),
  { fact: "cond chooses by f32[]", at: "cond(", help: "compare to get bool[]; for a choice per element use where" },
);
teaches("E0505", "a switch over nothing is refused", import.meta.url, () => switch_(array(0, { dtype: "i32" }), [], array(1)), {
  fact: "switch has no branches",
  at: "switch_(",
  help: "give at least one function",
});
teaches(
  "E0505",
  "a loop condition that is no bool is refused",
  import.meta.url,
  () =>
    while_(
      (x: Tensor) => x,
      (x: Tensor) => x,
      array(1),
    ),
  { fact: "the condition of a while loop is f32[], not bool[]", at: "while_(", help: "compare, and reduce to one boolean" },
);
test.run();
