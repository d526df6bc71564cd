// E0503: a while loop cannot be differentiated backwards.
import { test } from "uvu";
import { type Tensor, array, grad, while_ } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0503",
  "the gradient through a loop of unknown length is refused, with the way out",
  import.meta.url,
  () =>
    grad((x: Tensor) =>
      while_(
        (y: Tensor) => y.less(5),
        (y: Tensor) => y.mul(2),
        x,
      ),
    )(array(1)),
  {
    fact: "a while loop was differentiated backwards",
    at: ")(",
    help: "use fori with bounds that are JavaScript numbers, or scan with a fixed length; jvp and jacfwd work",
  },
);
test.run();
