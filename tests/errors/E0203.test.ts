// E0203: an axis does not exist.
import { test } from "uvu";
import { sum, transpose, zeros } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches("E0203", "an axis past the last dimension is refused", import.meta.url, () => sum(zeros([2, 3]), { axis: 2 }), {
  fact: "sum got axis 2 for 2 dimensions",
  at: "sum(",
  help: "an axis is an integer in [-2, 2)",
});
teaches("E0203", "a repeated axis is refused", import.meta.url, () => sum(zeros([2, 3]), { axis: [0, -2] }), {
  fact: "sum got a repeated axis in [0,0]",
  at: "sum(",
  help: "name each axis once",
});
teaches("E0203", "a permutation that is none is refused", import.meta.url, () => transpose(zeros([2, 3]), [0, 0]), {
  fact: "transpose got the permutation [0,0] for f32[2,3]",
  at: "transpose(",
  help: "name each of the 2 axes once",
});
test.run();
