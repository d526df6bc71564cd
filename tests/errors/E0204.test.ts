// E0204: a dtype does not fit.
import { test } from "uvu";
import { add, array, linspace } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0204",
  "a number that the other operand's dtype cannot hold is refused",
  import.meta.url,
  () => add(array([1], { dtype: "u8" }), 300),
  {
    fact: "the number 300 does not fit u8, which holds 0 to 255",
    at: "add(",
    help: 'convert the tensor first, for example x.astype("i32")',
  },
);
teaches("E0204", "an integer to a negative power is refused", import.meta.url, () => array([2], { dtype: "i32" }).pow(-1), {
  fact: "pow cannot raise i32 to the power -1: the result is no integer",
  at: "pow(",
  help: 'convert first: x.astype("f32")',
});
teaches("E0204", "evenly spaced numbers of an integer dtype are refused", import.meta.url, () => linspace(0, 9, 4, { dtype: "i32" }), {
  fact: "linspace got the dtype i32",
  at: "linspace(",
  help: 'make floats and convert them: linspace(0, 9, 4).astype("i32")',
});
test.run();
