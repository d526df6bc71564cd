// Rows as a group each: softmax, layer norm and their gradients on every target, against the reference evaluator.
import { test } from "uvu";
import { grad, mul, softmax, sum, type Tensor } from "../../../../stdlib/index.ts";
import { layerNorm } from "../../../../stdlib/nn/index.ts";
import { f32, program } from "../harness.ts";
import { agrees } from "./harness.ts";

test("rows are a group each: softmax, layer norm and their gradients, at widths around a group's", () => {
  for (const n of [15, 16, 17, 64, 100, 257, 1000, 2100]) {
    agrees(program(x => softmax(x), f32(3, n)));
    agrees(program(x => grad((t: Tensor) => sum(mul(softmax(t), t)))(x), f32(3, n)));
    agrees(program((x, g, b) => layerNorm(x, { scale: g, bias: b }), f32(2, n), f32(n), f32(n)));
  }
});
test("rows that do not fit into shared memory are kept in the arena", () => agrees(program(x => softmax(x), f32(2, 9000))));

test.run();
