// E0201: two shapes do not fit each other.
import { test } from "uvu";
import * as primitive from "../../compiler/extend.ts";
import { add, broadcastTo, zeros } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches("E0201", "shapes that do not broadcast are both named", import.meta.url, () => add(zeros([64, 256]), zeros([10])), {
  fact: "add cannot broadcast [64,256] with [10]",
  at: "add(",
  help: "shapes are aligned at the right, and a dimension must be equal or 1: insert dimensions with expandDims, or check the operands' order",
});
teaches("E0201", "a method says so at its call", import.meta.url, () => zeros([3]).mul(zeros([4])), {
  fact: "mul cannot broadcast [3] with [4]",
  at: "mul(",
  help: "shapes are aligned at the right, and a dimension must be equal or 1: insert dimensions with expandDims, or check the operands' order",
});
teaches("E0201", "a primitive never broadcasts", import.meta.url, () => primitive.add(zeros([64, 256]), zeros([256])), {
  fact: "add needs equal shapes, got f32[64,256] and f32[256]",
  at: "add(",
  help: "broadcast explicitly, or use the function of the standard library, which follows NumPy's rules",
});
teaches("E0201", "broadcasting to a shape that does not fit is refused", import.meta.url, () => broadcastTo(zeros([2]), [3]), {
  fact: "broadcastTo cannot stretch f32[2] to [3]",
  at: "broadcastTo(",
  help: "shapes are aligned at the right; only dimensions of size 1 stretch",
});
test.run();
