// E0504: a loop's length or its inputs do not fit.
import { test } from "uvu";
import { type Tensor, array, fori, scan, zeros } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0504",
  "inputs of different lengths are refused",
  import.meta.url,
  () => scan((c, [x, y]) => [c.add(x).add(y), x], array(0), [zeros([3]), zeros([4])] as const),
  { fact: "scan: xs[1] is f32[4], the loop has 3 steps", at: "scan(", help: "all inputs have one leading axis, the loop's" },
);
teaches(
  "E0504",
  "a scan of neither inputs nor a length is refused",
  import.meta.url,
  () => scan(((c: Tensor) => [c, c]) as never, array(0), undefined as never),
  { fact: "scan has neither inputs nor a length", at: "scan(", help: "give xs or { length }" },
);
teaches("E0504", "a scalar has no axis to run over", import.meta.url, () => scan((c, x) => [c.add(x), x], array(0), array(1)), {
  fact: "scan: xs is a scalar and has no axis to run over",
  at: "scan(",
  help: "close over it, or put it in the carry",
});
teaches("E0504", "bounds that are no whole numbers are refused", import.meta.url, () => fori(0, 2.5, (_, c) => c, array(0)), {
  fact: "fori runs from 0 to 2.5: the bounds must be whole numbers",
  at: "fori(",
  help: "round them first",
});
test.run();
