// Products cut in tiles, on every target, against the reference evaluator.
import { test } from "uvu";
import { add, einsum, gelu, matmul, tanh, transpose } from "../../../../stdlib/index.ts";
import { f32, f64, program } from "../harness.ts";
import { agrees } from "./harness.ts";

test("products at sizes around a tile's, transposed, batched, with prologue and epilogue", () => {
  for (const [m, k, n] of [
    [1, 5, 7],
    [5, 7, 1],
    [4, 4, 4],
    [16, 16, 16],
    [17, 33, 15],
    [64, 16, 64],
    [65, 17, 63],
    [2, 300, 70],
    [33, 0, 20],
  ] as const) {
    agrees(program((a, b) => matmul(a, b), f32(m, k), f32(k, n)));
    agrees(program((a, b, c) => add(gelu(add(matmul(tanh(a), transpose(b)), c)), c), f64(m, k), f64(n, k), f64(n)));
  }
  agrees(program((a, b) => einsum("bthd,bshd->bhts", a, b), f32(2, 9, 3, 4), f32(2, 20, 3, 4)));
});

test.run();
