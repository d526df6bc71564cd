// E0202: contracted dimensions differ.
import { test } from "uvu";
import { einsum, matmul, zeros } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches("E0202", "a product of matrices names both shapes", import.meta.url, () => matmul(zeros([2, 3]), zeros([2, 3])), {
  fact: "matmul cannot contract f32[2,3] with f32[2,3]",
  at: "matmul(",
  help: "the last dimension of the first must be the second-to-last of the second: transpose one of them",
});
teaches("E0202", "einsum names the index and both sizes", import.meta.url, () => einsum("ij,jk->ik", zeros([2, 3]), zeros([4, 5])), {
  fact: 'einsum "ij,jk->ik": j is 3 and 4',
  at: "einsum(",
  help: "dimensions of one letter have one size",
});
test.run();
