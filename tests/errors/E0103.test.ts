// E0103: the structures of two trees differ.
import { test } from "uvu";
import { type Tensor, array, jvp, vmap } from "../../stdlib/index.ts";
import * as tree from "../../stdlib/tree.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0103",
  "mapping over two trees of different structure prints both",
  import.meta.url,
  () => tree.map((x, y) => x ?? y, { a: array(1) }, { b: array(1) } as never),
  {
    fact: "the trees given to tree.map have different structures: {b: *} and {a: *}",
    at: "map(",
    help: "make both trees the same shape; missing parts can be null",
  },
);
teaches(
  "E0103",
  "tangents that are no tree like the arguments are refused",
  import.meta.url,
  () => jvp((p: { a: Tensor }) => p.a, [{ a: array(1) }], [{ b: array(1) } as never]),
  {
    fact: "tangents and primals have different structures: leaves [[0].b] and [[0].a]",
    at: "jvp(",
    help: "give tangents the structure of primals",
  },
);
teaches(
  "E0103",
  "axes that are no tree like the arguments are refused",
  import.meta.url,
  () => vmap((p: { a: Tensor }) => p.a, { in: [{ b: 0 } as never] })({ a: array([1, 2]) }),
  {
    fact: "vmap: { in } at [0] is no prefix of the tree that it describes (an object with a)",
    at: ")(",
    help: "give an axis, null, or a tree that follows the structure from the top; fields left out are not mapped",
  },
);
test.run();
