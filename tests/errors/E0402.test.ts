// E0402: the branches of a conditional mark different values.
import { test } from "uvu";
import { type Tensor, array, cond, mark, reap, sin } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0402",
  "a mark in one branch only is refused",
  import.meta.url,
  () =>
    reap(
      (x: Tensor) =>
        cond(
          x.greater(0),
          (y: Tensor) => mark("h", sin(y)),
          (y: Tensor) => y,
          x,
        ),
      "h",
    )(array(1)),
  {
    fact: 'branches of a conditional mark "h" (primal) with (f32[]) and ()',
    at: ")(",
    help: "mark the same values in every branch, or mark the conditional's result",
  },
);
test.run();
