// E0904: a tree cannot be saved.
import { test } from "uvu";
import { zeros } from "../../stdlib/index.ts";
import { saveSafetensorsSync } from "../../stdlib/io/index.ts";
import { teaches } from "./teaches.ts";

teaches("E0904", "a bare tensor has no name", import.meta.url, () => saveSafetensorsSync(zeros([2])), {
  fact: "a bare tensor has no name to be saved under",
  at: "saveSafetensorsSync(",
  help: "save an object: { weights: x }",
});
teaches(
  "E0904",
  "two leaves of one name are refused",
  import.meta.url,
  () => saveSafetensorsSync({ "a.b": zeros([1]), a: { b: zeros([1]) } }),
  { fact: 'two leaves of the tree have the name "a.b"', at: "saveSafetensorsSync(", help: "avoid dots and brackets in keys" },
);
test.run();
