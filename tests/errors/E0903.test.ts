// E0903: the names in a file do not form the tree that was asked for.
import { test } from "uvu";
import { zeros } from "../../stdlib/index.ts";
import { loadSafetensors, saveSafetensorsSync } from "../../stdlib/io/index.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0903",
  "a tensor that the file lacks is named",
  import.meta.url,
  () => loadSafetensors(saveSafetensorsSync({ a: zeros([2]) }), { like: { a: zeros([2]), b: zeros([2]) } }),
  { fact: 'the tree to fill needs "b", the file does not hold it', at: "loadSafetensors(", help: "the file holds a" },
);
teaches(
  "E0903",
  "a tensor of another shape is named with both",
  import.meta.url,
  () => loadSafetensors(saveSafetensorsSync({ a: zeros([2]) }), { like: { a: zeros([3]) } }),
  { fact: "a is f32[2] in the file, f32[3] in the tree to fill", at: "loadSafetensors(", help: "load without { like } and convert it" },
);
test.run();
