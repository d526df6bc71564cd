// E0404: planted values do not fit the marks.
import { test } from "uvu";
import { type Tensor, array, mark, plant, zeros } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0404",
  "more values than marks are refused",
  import.meta.url,
  () => plant((x: Tensor) => mark("h", x), "h")([array(1), array(2)], array(1)),
  { fact: 'plant was given 2 values for 1 marks "h"', at: ")(", help: "give the values that reap gives" },
);
teaches(
  "E0404",
  "a value of another shape is refused",
  import.meta.url,
  () => plant((x: Tensor) => mark("h", x), "h")(zeros([3]), array(1)),
  { fact: 'value 0 planted at "h" is f32[3], the marked value is f32[]', at: ")(", help: "give a value of the mark's type" },
);
test.run();
