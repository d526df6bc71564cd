// E0502: the branches of a conditional return different types.
import { test } from "uvu";
import { type Tensor, array, cond } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0502",
  "branches of different shapes are refused, with both types",
  import.meta.url,
  () =>
    cond(
      array(true),
      (x: Tensor) => x,
      (x: Tensor) => x.reshape([1]),
      array(1),
    ),
  { fact: "the branches of cond return f32[1] and f32[]", at: "cond(", help: "convert or broadcast to one type" },
);
test.run();
