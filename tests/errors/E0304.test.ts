// E0304: the axes of a vmap do not fit.
import { test } from "uvu";
import { type Tensor, array, vmap, zeros } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0304",
  "mapped axes of different sizes are both named",
  import.meta.url,
  () => vmap((x: Tensor, y: Tensor) => x.add(y))(zeros([2]), zeros([3])),
  { fact: "vmap: argument[1] has 3 along its mapped axis, argument[0] says 2", at: ")(", help: "all mapped axes need the same size" },
);
teaches("E0304", "a vmap that maps nothing is refused", import.meta.url, () => vmap((x: Tensor) => x, { in: [null] })(zeros([2])), {
  fact: "vmap maps no argument and has no size",
  at: ")(",
  help: "map an argument with { in }, or give { size }",
});
teaches(
  "E0304",
  "an unmapped result that depends on mapped arguments is refused",
  import.meta.url,
  () => vmap((x: Tensor) => x, { out: null })(array([1, 2])),
  {
    fact: "vmap: output has out axis null, but it depends on the mapped arguments",
    at: ")(",
    help: "give it an axis in { out }, or reduce it over the axis first (psum, pmean)",
  },
);
test.run();
