// E0501: a loop body changes the type of its carry.
import { test } from "uvu";
import { type Tensor, array, scan, zeros } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0501",
  "a carry that grows is refused, with both types",
  import.meta.url,
  () => scan((c: Tensor, x: Tensor) => [c.add(x).reshape([1]), x] as never, array(0), zeros([3])),
  { fact: "carry of scan is f32[] and becomes f32[1] after a step", at: "scan(", help: "convert or broadcast one of them" },
);
teaches("E0501", "a body that returns no pair is refused", import.meta.url, () => scan(((c: Tensor) => c) as never, array(0), zeros([3])), {
  fact: "the body of scan returned *, not [carry, output]",
  at: "scan(",
  help: "return an array of two; the output may be null",
});
test.run();
