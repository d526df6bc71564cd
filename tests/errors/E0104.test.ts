// E0104: a tree holds something that is not a leaf.
import { test } from "uvu";
import { grad, jit } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0104",
  "a string among the arguments is refused, with its path",
  import.meta.url,
  () => grad((p: { name: string }) => p as never)({ name: "w" }),
  {
    fact: 'argument[0].name is the string "w", not a tensor, number or boolean',
    at: ")(",
    help: "close over it, or pass it as a static argument",
  },
);
teaches(
  "E0104",
  "a key that would reach a prototype is refused",
  import.meta.url,
  () => jit((p: object) => p as never)(JSON.parse('{"__proto__": 1}') as object),
  { fact: 'a tree has the key "__proto__"', at: ")(", help: "rename it" },
);
test.run();
