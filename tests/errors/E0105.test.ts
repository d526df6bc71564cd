// E0105: a traced function returned something that is not a tensor.
import { test } from "uvu";
import { type Tensor, array, jit } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0105",
  "a string among the results is refused, with its path",
  import.meta.url,
  () => jit((x: Tensor) => ({ x, note: "done" }) as never)(array(1)),
  {
    fact: 'the function given to jit returned the string "done" at output.note',
    at: ")(",
    help: "return tensors, numbers, or trees (arrays, objects) of them",
  },
);
test.run();
