// E0303: grad needs floating-point inputs.
import { test } from "uvu";
import { type Tensor, array, grad, jacrev, sum } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0303",
  "the gradient with respect to integers is refused",
  import.meta.url,
  () => grad((x: Tensor) => sum(x).astype("f32"))(array([1, 2], { dtype: "i32" })),
  {
    fact: "grad cannot differentiate argument[0]: i32[2] is not floating-point",
    at: ")(",
    help: 'choose the differentiated arguments with { argnums }, or convert it with astype("f32")',
  },
);
teaches(
  "E0303",
  "an argument that does not exist is refused",
  import.meta.url,
  () => grad((x: Tensor) => sum(x), { argnums: 1 })(array([1, 2])),
  {
    fact: "grad has no argument 1 (it was called with 1) to differentiate",
    at: ")(",
    help: "argnums are positions from 0, or names of fields of the first argument",
  },
);
teaches(
  "E0303",
  "jacrev of an argument that does not exist is refused",
  import.meta.url,
  () => jacrev((x: Tensor) => x, { argnums: 3 })(array([1, 2])),
  { fact: "jacrev has no argument 3 to differentiate", at: ")(", help: "it was called with 1" },
);
test.run();
