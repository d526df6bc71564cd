// E0403: a mark inside a while loop.
import { test } from "uvu";
import { type Tensor, array, mark, reap, while_ } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0403",
  "reaping from a loop of unknown length is refused",
  import.meta.url,
  () =>
    reap(
      (x: Tensor) =>
        while_(
          (y: Tensor) => y.less(5),
          (y: Tensor) => mark("h", y.mul(2)),
          x,
        ),
      "h",
    )(array(1)),
  {
    fact: '"h" is marked inside a while loop',
    at: ")(",
    help: "use scan or fori with fixed bounds, which stack marked values, or mark what the loop returns",
  },
);
test.run();
