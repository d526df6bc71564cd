// Loops and branches after optimisation: text in, text out, and the same numbers.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseFunc } from "../../../compiler/ir/parse.ts";
import { printFunc } from "../../../compiler/ir/print.ts";
import { checkFunc } from "../../../compiler/ir/check.ts";
import type { Func } from "../../../compiler/ir/func.ts";
import { tidyLoops } from "../../../compiler/optimize/loops.ts";
import { optimize } from "../../../compiler/optimize/passes.ts";
import { pruneControl } from "../../../compiler/optimize/prune.ts";
import { deep } from "../../../compiler/optimize/rewrite.ts";
import { shareResiduals } from "../../../compiler/optimize/residuals.ts";
import { dce } from "../../../compiler/transforms/dce.ts";
import { condPrimitive } from "../../../compiler/control/cond.ts";
import { scanPrimitive } from "../../../compiler/control/scan.ts";
import type { Primitive } from "../../../compiler/ir/primitive.ts";
import { allPrimitives } from "../../../compiler/primitives/all.ts";
import { evaluate } from "../../../compiler/reference/evaluate.ts";
import { cond, grad, gelu, less, matmul, mul, scan, sin, sum, add, type Tensor } from "../../../stdlib/index.ts";
import { agrees, f64, inputsOf, program } from "../lower/harness.ts";

const parse = (text: string): Func =>
  parseFunc(text, [...allPrimitives, scanPrimitive as unknown as Primitive, condPrimitive as unknown as Primitive]); // rules are methods: a narrower record is used as the general one
/** `pass` turns one text into the other and keeps the results. */
function becomes(pass: (f: Func) => Func, before: string, after: string): void {
  const f = parse(before),
    g = checkFunc(pass(f), "after the pass");
  assert.is(printFunc(g), printFunc(parse(after)));
  const args = inputsOf(f);
  assert.equal(
    evaluate(g, args).map(x => [...x.data]),
    evaluate(f, args).map(x => [...x.data]),
  );
}

test("what a scan stacks twice is stacked once, and a stacked slice is the operand itself", () =>
  becomes(
    tidyLoops,
    `func(a: f32[], b: f32[3]) {
  c: f32[], d: f32[3], e: f32[3], g: f32[3] = scan[body=func(a: f32[], b: f32[]) {
    c: f32[] = add a b
    return c, c, b, c
  }, carry=1, consts=0, length=3, reverse=false] a b
  return c, d, e, g
}`,
    `func(a: f32[], b: f32[3]) {
  c: f32[], d: f32[3] = scan[body=func(a: f32[], b: f32[]) {
    c: f32[] = add a b
    return c, c
  }, carry=1, consts=0, length=3, reverse=false] a b
  return c, d, b, d
}`,
  ));
test("a carry that never changes is a constant, and an operand given twice is given once", () =>
  becomes(
    tidyLoops,
    `func(a: f32[], b: f32[3]) {
  c: f32[], d: f32[], e: f32[3] = scan[body=func(a: f32[], b: f32[], c: f32[], d: f32[]) {
    e: f32[] = mul b a
    g: f32[] = add c d
    h: f32[] = add e g
    return a, h, h
  }, carry=2, consts=0, length=3, reverse=true] a a b b
  return c, d, e
}`,
    `func(a: f32[], b: f32[3]) {
  c: f32[], d: f32[3] = scan[body=func(a: f32[], b: f32[], c: f32[]) {
    d: f32[] = mul b a
    e: f32[] = add c c
    g: f32[] = add d e
    return g, g
  }, carry=1, consts=1, length=3, reverse=true] a a b
  return a, c, d
}`,
  ));
test("outputs that nobody reads go, with the carries and operands that only they need", () =>
  becomes(
    f => dce(pruneControl(f)),
    `func(a: f32[], b: f32[3], c: f32[3]) {
  d: f32[], e: f32[], g: f32[3], h: f32[3] = scan[body=func(a: f32[], b: f32[], c: f32[], d: f32[]) {
    e: f32[] = add a c
    g: f32[] = add b d
    return e, g, e, g
  }, carry=2, consts=0, length=3, reverse=false] a a b c
  return g
}`,
    `func(a: f32[], b: f32[3], c: f32[3]) {
  d: f32[], e: f32[3] = scan[body=func(a: f32[], b: f32[]) {
    c: f32[] = add a b
    return c, c
  }, carry=1, consts=0, length=3, reverse=false] a b
  return e
}`,
  ));
test("a branch computes only what is read of it", () =>
  becomes(
    f => dce(pruneControl(f)),
    `func(a: i32[], b: f32[3], c: f32[3]) {
  d: f32[3], e: f32[3] = cond[branches=[func(a: f32[3], b: f32[3]) {
    c: f32[3] = neg b
    return a, c
  }, func(a: f32[3], b: f32[3]) {
    c: f32[3] = sin b
    return c, a
  }]] a b c
  return e
}`,
    `func(a: i32[], b: f32[3], c: f32[3]) {
  d: f32[3] = cond[branches=[func(a: f32[3], b: f32[3]) {
    c: f32[3] = neg b
    return c
  }, func(a: f32[3], b: f32[3]) {
    return a
  }]] a b c
  return d
}`,
  ));
test("a stacked value that is arithmetic on another stack is computed by its reader", () =>
  becomes(
    f => deep(g => dce(g))(pruneControl(shareResiduals(f))),
    `func(a: f32[], b: f32[3]) {
  c: f32[], d: f32[3], e: f32[3], g: f32[3] = scan[body=func(a: f32[], b: f32[]) {
    c: f32[] = sin a
    d: f32[] = mul c b
    e: f32[] = add c c
    return c, c, d, e
  }, carry=1, consts=0, length=3, reverse=false] a b
  h: f32[] = scan[body=func(a: f32[], b: f32[], c: f32[], d: f32[]) {
    e: f32[] = add b c
    g: f32[] = add e d
    h: f32[] = mul a g
    return h
  }, carry=1, consts=0, length=3, reverse=true] a d e g
  return c, h
}`,
    `func(a: f32[], b: f32[3]) {
  c: f32[], d: f32[3] = scan[body=func(a: f32[], b: f32[]) {
    c: f32[] = sin a
    return c, c
  }, carry=1, consts=0, length=3, reverse=false] a b
  e: f32[] = scan[body=func(a: f32[], b: f32[], c: f32[], d: f32[]) {
    e: f32[] = mul c d
    g: f32[] = add c c
    h: f32[] = add b e
    i: f32[] = add h g
    j: f32[] = mul a i
    return j
  }, carry=1, consts=0, length=3, reverse=true] a d d b
  return c, e
}`,
  ));
test("a stack that is also a result, or is read whole, stays", () => {
  const text = `func(a: f32[], b: f32[3]) {
  c: f32[], d: f32[3] = scan[body=func(a: f32[], b: f32[]) {
    c: f32[] = add a b
    d: f32[] = mul c b
    return c, d
  }, carry=1, consts=0, length=3, reverse=false] a b
  e: f32[] = scan[body=func(a: f32[], b: f32[]) {
    c: f32[] = add a b
    return c
  }, carry=1, consts=0, length=3, reverse=true] a d
  return e, d
}`;
  becomes(shareResiduals, text, text);
});
test("the gradient of a scan of GELUs stacks two arrays a layer", () => {
  const f = program(
    (w, x) => grad((v: Tensor) => sum(scan((h: Tensor, wi: Tensor) => [gelu(mul(h, wi)), null] as const, x, v)[0] as Tensor))(w),
    f64(3, 5),
    f64(5),
  ); // the carry is a tensor
  agrees(f);
  const scans = optimize(f).eqns.filter(e => e.prim.lower.kind === "control");
  assert.is(scans.length, 2);
  assert.ok((scans[0]?.outs.length ?? 9) <= 3, printFunc(optimize(f))); // the carry, which is dead but feeds itself, and at most two stacks
});
test("where memory is dear, the gradient of a scan of GELUs stacks one array a layer and computes the tanh again; what products multiply twice is stacked", () => {
  const stacks = (f: Func, perByte?: number): number => {
    const [first] = optimize(f, () => false, perByte).eqns.filter(e => e.prim.lower.kind === "control");
    return (first?.outs.length ?? 9) - 1; // but the carry
  };
  const plain = program(
      (w, x) => grad((v: Tensor) => sum(scan((h: Tensor, wi: Tensor) => [gelu(mul(h, wi)), null] as const, x, v)[0] as Tensor))(w),
      f64(3, 2 ** 17),
      f64(2 ** 17),
    ),
    products = program(
      (w, x) =>
        grad((v: Tensor) => sum(scan((h: Tensor, wi: Tensor) => [matmul(gelu(matmul(h, wi)), wi), null] as const, x, v)[0] as Tensor))(w),
      f64(3, 512, 512),
      f64(512, 512),
    ); // carries are tensors
  assert.equal([stacks(plain), stacks(plain, 8)], [2, 1]);
  assert.equal([stacks(products), stacks(products, 8)], [3, 3]); // the carry, what the GELU is of, and its tanh or itself
});
test("gradients through loops and branches keep their values through every pass", () => {
  const step = (h: Tensor, x: Tensor): readonly [Tensor, Tensor] => {
    const y = cond(
      less(sum(h), 0.1),
      (t: Tensor) => sin(t),
      (t: Tensor) => mul(t, 0.5),
      add(h, x),
    ) as Tensor;
    return [y, mul(y, y)];
  }; // both branches return a tensor
  agrees(
    program(
      (x, h) => {
        const g = grad((p: { x: Tensor; h: Tensor }) => {
          const [c, ys] = scan(step, p.h, p.x) as [Tensor, Tensor];
          return add(sum(c), sum(ys));
        })({ x, h });
        return [g.x, g.h];
      },
      f64(4, 3),
      f64(3),
    ),
  ); // carry and stack
});

test.run();
