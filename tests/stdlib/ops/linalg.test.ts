// Products and diagonals: matmul's shapes against einsum, einsum's rules, and what each refuses. Values of einsum against JAX are in goldens.test.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as lib from "../../../stdlib/index.ts";
import { PullbackError, type Tensor } from "../../../stdlib/index.ts";
import { trace } from "../../../compiler/extend.ts";
import { counting, expect, host, run } from "../../support/evaluate.ts";

const refused = (f: () => unknown, code: string, said: RegExp): void =>
  assert.throws(f, (e: unknown) => e instanceof PullbackError && e.code === code && said.test(e.message));

test("matmul treats vectors as rows and columns, and broadcasts leading dimensions", () => {
  const cases: readonly (readonly [readonly number[], readonly number[], string])[] = [
    [[3], [3], "k,k->"],
    [[2, 3], [3], "mk,k->m"],
    [[3], [3, 4], "k,kn->n"],
    [[2, 3], [3, 4], "mk,kn->mn"],
    [[5, 2, 3], [3, 4], "bmk,kn->bmn"],
    [[2, 3], [5, 3, 4], "mk,bkn->bmn"],
    [[5, 2, 3], [5, 3, 4], "bmk,bkn->bmn"],
    [[5, 1, 2, 3], [6, 3, 4], "ab...,c...->"],
    [[3], [5, 3, 4], "k,bkn->bn"],
    [[5, 2, 3], [3], "bmk,k->bm"],
  ];
  for (const [a, b, spec] of cases) {
    const x = counting(a),
      y = counting(b);
    const [want] = run(
      (s, t) =>
        spec.includes("...") ? lib.einsum("aemk,ckn->acmn", s as Tensor, t as Tensor) : lib.einsum(spec, s as Tensor, t as Tensor),
      x,
      y,
    ); // two arguments
    if (!want) throw new Error("einsum gave nothing");
    expect(`[${a.join()}]·[${b.join()}]`, (s, t) => lib.matmul(s as Tensor, t as Tensor), [x, y], [want]); // two arguments
  }
  refused(() => lib.matmul(lib.zeros([2, 3]), lib.zeros([2, 3])), "E0202", /f32\[2,3\] with f32\[2,3\]/);
  refused(() => lib.matmul(lib.zeros([4, 2, 3]), lib.zeros([5, 3, 2])), "E0201", /\[4\] with \[5\]/);
});
test("dot, vdot, outer and tensordot are contractions", () => {
  const x = counting([2, 3]),
    y = counting([3, 2]);
  expect(
    "all",
    (a, b) => [
      lib.dot(a as Tensor, b as Tensor),
      lib.vdot(a as Tensor, b as Tensor),
      lib.tensordot(a as Tensor, b as Tensor, 1),
      lib.tensordot(a as Tensor, b as Tensor, [
        [1, 0],
        [0, 1],
      ]),
    ],
    [x, y],
    [host([2, 2], [10, 13, 28, 40]), host([], [55]), host([2, 2], [10, 13, 28, 40]), host([], [50])],
  ); // two arguments
  expect(
    "outer",
    (a, b) => lib.outer(a as Tensor, b as Tensor),
    [host([2], [1, 2]), host([3], [3, 4, 5])],
    [host([2, 3], [3, 4, 5, 6, 8, 10])],
  ); // two arguments
  refused(() => lib.vdot(lib.zeros([2]), lib.zeros([3])), "E0202", /f32\[2\] and f32\[3\]/);
  refused(() => lib.tensordot(lib.zeros([2, 3]), lib.zeros([2, 3]), 1), "E0202", /axes \[1\]/);
});
test("diagonals are read, written and summed", () => {
  const x = counting([3, 4]);
  expect(
    "read",
    t => [
      lib.diag(t as Tensor),
      lib.diag(t as Tensor, { k: 2 }),
      lib.diag(t as Tensor, { k: -1 }),
      lib.diag(t as Tensor, { k: 7 }),
      lib.trace(t as Tensor),
    ],
    [x],
    [host([3], [0, 5, 10]), host([2], [2, 7]), host([2], [4, 9]), host([0], []), host([], [15])],
  ); // one argument
  expect(
    "write",
    t => [lib.diag(t as Tensor), lib.diag(t as Tensor, { k: 1 }), lib.diag(t as Tensor, { k: -1 })],
    [host([2], [7, 8])],
    [host([2, 2], [7, 0, 0, 8]), host([3, 3], [0, 7, 0, 0, 0, 8, 0, 0, 0]), host([3, 3], [0, 0, 0, 7, 0, 0, 0, 8, 0])],
  ); // one argument
  expect("stack", t => lib.diagonal(t as Tensor), [counting([2, 2, 2])], [host([2, 2], [0, 3, 4, 7])]); // one argument
  refused(() => lib.diag(lib.zeros([2, 2, 2])), "E0205", /f32\[2,2,2\]/);
});
test("einsum implies the result's letters, broadcasts ..., and takes several diagonals", () => {
  expect(
    "implied",
    (a, b) => lib.einsum("ba,cb", a as Tensor, b as Tensor),
    [counting([2, 3]), counting([4, 2])],
    run((a, b) => lib.einsum("ba,cb->ac", a as Tensor, b as Tensor), counting([2, 3]), counting([4, 2])),
  ); // two arguments
  expect(
    "dots",
    (a, b) => lib.einsum("...i,...i->...", a as Tensor, b as Tensor),
    [counting([2, 1, 3]), counting([4, 3])],
    [host([2, 4], [5, 14, 23, 32, 14, 50, 86, 122])],
  ); // two arguments
  expect("diagonals", a => lib.einsum("iijj->ij", a as Tensor), [counting([2, 2, 2, 2])], [host([2, 2], [0, 3, 12, 15])]); // one argument
  expect("NaN beside a diagonal", a => lib.einsum("ii->", a as Tensor), [host([2, 2], [1, NaN, NaN, 2])], [host([], [3])]); // one argument
});
test("einsum contracts the cheapest pair first", () => {
  const shapes = [
    [50, 2],
    [2, 60],
    [60, 3],
  ].map(shape => ({ dtype: "f32" as const, shape }));
  const { func } = trace((a, b, c) => [lib.einsum("ij,jk,kl->il", a as Tensor, b as Tensor, c as Tensor)], shapes); // three avals
  assert.equal(
    func.eqns.filter(e => e.prim.lower.kind === "contract").map(e => e.outs[0]?.aval.shape),
    [
      [2, 3],
      [50, 3],
    ],
  );
});
test("einsum refuses what its text does not say", () => {
  refused(() => lib.einsum("ij,jk->ik", lib.zeros([2, 3])), "E0205", /1 operands, 2 groups/);
  refused(() => lib.einsum("ijk->i", lib.zeros([2, 3])), "E0205", /"ijk" names 3 dimensions of f32\[2,3\]/);
  refused(() => lib.einsum("ij->iq", lib.zeros([2, 3])), "E0205", /"iq"/);
  refused(() => lib.einsum("i!->i", lib.zeros([2, 3])), "E0205", /"i!"/);
  refused(() => lib.einsum("ij,jk->ik", lib.zeros([2, 3]), lib.zeros([4, 5])), "E0202", /j is 3 and 4/);
  refused(() => lib.einsum("...i,...i->...", lib.zeros([2, 3]), lib.zeros([4, 3])), "E0201", /2 and 4/);
});

test.run();
