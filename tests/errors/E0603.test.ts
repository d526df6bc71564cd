// E0603: an operation made NaN.
import { test } from "uvu";
import { type Tensor, array, jit, log } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0603",
  "the operation that made the first NaN is named, at its line",
  import.meta.url,
  () => jit((x: Tensor) => log(x).add(1), { debugNans: true })(array([-1])),
  {
    fact: "log made NaN from operands without any: f32[1] -> f32[1]",
    at: "log(",
    help: "usual causes: log or sqrt of a negative number, 0/0, inf - inf",
  },
);
teaches(
  "E0603",
  "an argument that already holds NaN is named",
  import.meta.url,
  () => jit((x: Tensor) => x.add(1), { debugNans: true })(array([NaN])),
  { fact: "input 0 already holds NaN", at: ")(", help: "look at what made that argument" },
);
test.run();
