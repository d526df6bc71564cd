// The precision that a product asks for: it stays with everything that is derived from the product, and says where no product asks what the program, or else the device, is compiled with.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { PtxArtifact } from "../../../runtime/artifact.ts";
import type { Precision } from "../../../runtime/precision.ts";
import { compile } from "../../../compiler/compile.ts";
import type { Func } from "../../../compiler/ir/func.ts";
import { parseFunc } from "../../../compiler/ir/parse.ts";
import { printFunc } from "../../../compiler/ir/print.ts";
import { forEachEqn } from "../../../compiler/ir/walk.ts";
import { allPrimitives } from "../../../compiler/primitives/all.ts";
import { optimize } from "../../../compiler/optimize/passes.ts";
import { array, conv, dot, einsum, grad, hessian, jit, matmul, mul, ones, sum, tanh, vmap, type Tensor } from "../../../stdlib/index.ts";
import { f32, program } from "../lower/harness.ts";

/** The precisions of a program's products, as far as they say any. */
function precisions(f: Func): unknown[] {
  const found: unknown[] = [];
  forEachEqn(optimize(f), e => {
    if (e.prim.lower.kind === "contract") found.push(e.params["precision"]);
  });
  return found;
}
const all = (f: Func, n: number): void => assert.equal(precisions(f), new Array<Precision>(n).fill("highest"));
const options = { precision: "highest" } as const;

test("matmul, dot, einsum and conv take a precision", () => {
  all(
    program((a, b) => matmul(a, b, options), f32(2, 3), f32(3, 4)),
    1,
  );
  all(
    program((a, b) => matmul(a, b, options), f32(3), f32(5, 3, 4)),
    1,
  );
  all(
    program((a, b) => dot(a, b, options), f32(2, 3), f32(3)),
    1,
  );
  all(
    program((a, b, c) => einsum({ spec: "ij,jk,kl->il", precision: "highest" }, a, b, c), f32(2, 3), f32(3, 4), f32(4, 5)),
    2,
  );
  all(
    program((x, w) => conv(x, w, options), f32(1, 2, 5), f32(3, 2, 2)),
    1,
  );
  assert.equal(precisions(program((a, b) => matmul(a, b), f32(2, 3), f32(3, 4))), [undefined]);
});
test("gradients, second derivatives and batches of a product ask for what it asks for", () => {
  const loss = (a: Tensor, b: Tensor): Tensor => sum(tanh(matmul(a, b, options)));
  all(
    program((a, b) => grad((x: Tensor) => loss(x, b))(a), f32(2, 3), f32(3, 4)),
    2,
  );
  all(
    program((a, b) => vmap((x: Tensor) => loss(x, b))(a), f32(5, 2, 3), f32(3, 4)),
    1,
  );
  assert.ok(precisions(program((a, b) => hessian((x: Tensor) => loss(x, b))(a), f32(2, 3), f32(3, 4))).every(p => p === "highest"));
  const convolved = (x: Tensor, w: Tensor): Tensor => sum(mul(conv(x, w, options), 2));
  all(
    program((x, w) => grad((p: readonly Tensor[]) => convolved(p[0] as Tensor, p[1] as Tensor))([x, w]), f32(1, 2, 5), f32(3, 2, 2)), // two leaves
    2,
  );
});
test("a program with a precision prints, and parses to the same", () => {
  const f = program((a, b) => matmul(a, b, options), f32(2, 3), f32(3, 4)),
    text = printFunc(f);
  assert.match(text, /precision="highest"|precision: ?"highest"/);
  assert.is(printFunc(parseFunc(text, allPrimitives)), text);
});
test("jit's precision, else the device's, is that of products that do not say", () => {
  const plain = program((a, b) => matmul(a, b), f32(16, 16), f32(16, 16)),
    exact = program((a, b) => matmul(a, b, options), f32(16, 16), f32(16, 16)),
    features = { capability: 80, threads: 1024, sharedBytes: 49152, sharedBytesOptIn: 166912, processors: 8 };
  const products = (f: Func, device: Precision | undefined, own?: Precision): number => {
    const a = compile(f, { kind: "cuda", features: { ...features, ...(device && { precision: device }) } }, own ? { precision: own } : {});
    return [...(a as PtxArtifact).text.matchAll(/mma\.sync\S*tf32/g)].length; // compiled for cuda
  };
  assert.is(products(plain, undefined), 3 * products(plain, "tensorfloat32"), "two terms of each operand");
  assert.is(products(plain, "highest"), 0);
  assert.ok(products(plain, "highest", "high") > 0, "jit's before the device's");
  assert.is(products(exact, "tensorfloat32", "high"), 0, "the product's own before both");
  const f = jit((a: Tensor, b: Tensor) => matmul(a, b), { precision: "highest" });
  assert.not.match(f.lower(ones([16, 16]), ones([16, 16])).text("ptx"), /mma\.sync/);
});
test("other devices compute in f32 whatever is asked", () => {
  const a = array([1.00012207, 2, 3, 4], { shape: [2, 2] }),
    b = array([1, 0, 0, 1], { shape: [2, 2] });
  assert.equal([...matmul(a, b, { precision: "tensorfloat32" }).dataSync()], [...a.dataSync()]);
});

test.run();
