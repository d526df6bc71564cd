// Loops and branches around tiled kernels.
import { test } from "uvu";
import { cond, fori, less, mul, add, relu, scan, sub, sum, tanh, while_, type Tensor } from "../../../../stdlib/index.ts";
import { f32, program } from "../harness.ts";
import { agrees } from "./harness.ts";

test("loops and branches keep their structure", () => {
  agrees(
    program(
      x => scan((c: Tensor, r: Tensor) => [tanh(add(mul(c, 0.5), r)), mul(c, r)] as const, mul(sum(x, { axis: 0 }), 0), x)[1] as Tensor,
      f32(6, 40),
    ),
  ); // the loop returns a tensor
  agrees(
    program(
      x =>
        cond(
          less(sum(x), 0),
          (t: Tensor) => mul(t, 2),
          (t: Tensor) => sub(t, 1),
          x,
        ) as Tensor,
      f32(40),
    ),
  ); // both branches return a tensor
  agrees(program(x => fori(0, 5, (_, t: Tensor) => relu(sub(mul(t, 1.25), 0.125)), x) as Tensor, f32(40))); // the loop keeps its type
  agrees(
    program(
      x =>
        while_(
          (t: Tensor) => less(sum(t), 100),
          (t: Tensor) => add(mul(t, 2), 1),
          x,
        ) as Tensor,
      f32(20),
    ),
  ); // likewise
});

test.run();
