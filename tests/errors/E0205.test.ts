// E0205: a shape or size parameter is invalid.
import { test } from "uvu";
import { array, concat, zeros } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches("E0205", "a reshape to another number of elements is refused", import.meta.url, () => zeros([2, 3]).reshape([4, -1]), {
  fact: "reshape cannot lay f32[2,3], 6 elements, out as [4,-1]",
  at: "reshape(",
  help: "the number of elements stays; one -1 stands for the size that is left",
});
teaches("E0205", "ragged data is refused, with its place", import.meta.url, () => array([[1, 2], [3]]), {
  fact: "array: data[1] has 1 entries, others have 2",
  at: "array(",
  help: "every row needs the same length",
});
teaches("E0205", "joining nothing is refused", import.meta.url, () => concat([]), {
  fact: "concat got an empty list",
  at: "concat(",
  help: "give at least one tensor",
});
test.run();
