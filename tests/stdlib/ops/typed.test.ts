// Shapes in types: what the compiler infers is what runs, contradictions are type errors, and plain tensors stay free. The assignments to `Is` and the
// expected errors are checked by the types step; the shapes of the values here.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  add,
  array,
  concat,
  einsum,
  expandDims,
  grad,
  jit,
  less,
  matmul,
  mean,
  mul,
  ones,
  reshape,
  scan,
  softmax,
  squeeze,
  stack,
  sum,
  tanh,
  transpose,
  vmap,
  zeros,
  type Tensor,
} from "../../../stdlib/index.ts";
import * as nn from "../../../stdlib/nn/index.ts";

/** `T` and `U` are one type, not merely assignable to each other (any two tensors that may be equal are). */
type Is<T, U> = (<G>() => G extends T ? 1 : 2) extends <G>() => G extends U ? 1 : 2 ? true : false;
type F32<S extends readonly (number | string)[]> = Tensor<S, "f32">;
const shaped = <const S extends readonly number[]>(...shape: S): F32<S> => zeros(shape) as F32<S>; // f32 is the default
const shape = (x: Tensor, ...want: readonly number[]): void => assert.equal([...x.shape], want);

test("operands that broadcast have the stretched shape", () => {
  const y = add(shaped(64, 256), shaped(256));
  const typed: Is<typeof y, F32<readonly [64, 256]>> = true;
  const z = mul(shaped(4, 1, 3), shaped(5, 1))
    .sub(1)
    .div(2);
  const other: Is<typeof z, F32<readonly [4, 5, 3]>> = true;
  const truth = less(shaped(2, 3), 0);
  const bool: Is<typeof truth, Tensor<readonly [2, 3], "bool">> = true;
  shape(y, 64, 256);
  shape(z, 4, 5, 3);
  assert.ok(typed && other && bool);
  // @ts-expect-error 256 does not stretch to 10
  assert.throws(() => add(shaped(64, 256), shaped(10)), /E0201/);
  // @ts-expect-error nor in the method form
  assert.throws(() => shaped(64, 256).add(shaped(10)), /E0201/);
});

test("a name is a size that is the same everywhere: it fits every number and no other name", () => {
  const model = (x: F32<["batch", 3]>, w: F32<[3, "out"]>, b: F32<["out"]>): F32<["batch", "out"]> => tanh(add(matmul(x, w), b));
  shape(model(shaped(5, 3), shaped(3, 2), shaped(2)), 5, 2);
  // @ts-expect-error "out" is not "batch"
  const wrong = (x: F32<["batch", 3]>, w: F32<[3, "out"]>): F32<["out", "batch"]> => matmul(x, w);
  shape(wrong(shaped(5, 3), shaped(3, 2)), 5, 2);
});

test("products contract the right dimensions", () => {
  const y = matmul(shaped(7, 2, 3), shaped(3, 4)),
    v = matmul(shaped(3), shaped(3, 4)),
    s = shaped(3).dot(shaped(3));
  const typed: [Is<typeof y, F32<readonly [7, 2, 4]>>, Is<typeof v, F32<readonly [4]>>, Is<typeof s, F32<readonly []>>] = [
    true,
    true,
    true,
  ];
  shape(y, 7, 2, 4);
  shape(v, 4);
  shape(s);
  assert.is(typed.length, 3);
  // @ts-expect-error 3 does not contract with 2
  assert.throws(() => matmul(shaped(2, 3), shaped(2, 3)), /E0202/);
});

test("einsum reads its letters", () => {
  const y = einsum("bij,bjk->bik", shaped(2, 3, 4), shaped(2, 4, 5));
  const typed: Is<typeof y, Tensor<readonly [2, 3, 5]>> = true;
  shape(y, 2, 3, 5);
  assert.ok(typed);
  // @ts-expect-error j is 3 and 4
  assert.throws(() => einsum("ij,jk->ik", shaped(2, 3), shaped(4, 5)), /E0202/);
  // @ts-expect-error "q" is in no operand
  assert.throws(() => einsum("ij->iq", shaped(2, 3)), /E0205/);
});

test("rearranging keeps track of dimensions", () => {
  const x = shaped(2, 3, 4);
  const t = transpose(x, [2, 0, 1]),
    r = transpose(x),
    q = reshape(x, [-1, 4]),
    e = expandDims(x, -1),
    c = concat([x, x], 1),
    k = stack([x, x, x], -1),
    z = squeeze(shaped(2, 1, 4), 1);
  const typed: [
    Is<typeof t, Tensor<readonly [4, 2, 3]>>,
    Is<typeof r, Tensor<readonly [4, 3, 2]>>,
    Is<typeof q, Tensor<readonly [number, 4]>>,
    Is<typeof e, Tensor<readonly [2, 3, 4, 1]>>,
    Is<typeof c, Tensor<readonly [2, number, 4]>>,
    Is<typeof k, Tensor<readonly [2, 3, 4, 3]>>,
    Is<typeof z, Tensor<readonly [2, 4]>>,
  ] = [true, true, true, true, true, true, true];
  assert.is(typed.length, 7);
  for (const [value, want] of [
    [t, [4, 2, 3]],
    [r, [4, 3, 2]],
    [q, [6, 4]],
    [e, [2, 3, 4, 1]],
    [c, [2, 6, 4]],
    [k, [2, 3, 4, 3]],
    [z, [2, 4]],
  ] as const)
    shape(value, ...want);
});

test("folds drop their axes, or keep them as 1", () => {
  const x = shaped(2, 3, 4);
  const all = sum(x),
    last = mean(x, { axis: -1 }),
    two = x.max({ axis: [0, 2] }),
    kept = sum(x, { axis: 1, keepdims: true }),
    rows = softmax(x);
  const typed: [
    Is<typeof all, Tensor<readonly []>>,
    Is<typeof last, Tensor<readonly [2, 3]>>,
    Is<typeof two, Tensor<readonly [3]>>,
    Is<typeof kept, Tensor<readonly [2, 1, 4]>>,
    Is<typeof rows, F32<readonly [2, 3, 4]>>,
  ] = [true, true, true, true, true];
  assert.is(typed.length, 5);
  shape(all);
  shape(last, 2, 3);
  shape(two, 3);
  shape(kept, 2, 1, 4);
});

test("transforms: grad keeps the tree, vmap and scan add and take a dimension", () => {
  interface Params {
    readonly w: F32<[3, 2]>;
    readonly b: F32<[2]>;
  }
  const loss = (p: Params, x: F32<[3]>): Tensor<readonly []> => sum(nn.linear(p, x));
  const params: Params = { w: shaped(3, 2), b: shaped(2) };
  const g = grad(loss)(params, shaped(3));
  const gradient: Is<(typeof g)["w"], F32<[3, 2]>> = true;
  shape(g.w, 3, 2);

  const many = vmap(loss, { in: [null, 0] })(params, shaped(5, 3));
  const mapped: Is<typeof many, Tensor<readonly [number]>> = true;
  shape(many, 5);
  // @ts-expect-error the mapped argument needs its leading dimension
  assert.throws(() => vmap(loss, { in: [null, 0] })(params, shaped(3)));

  const [carry, ys] = scan((c: F32<[2]>, x: F32<[2]>) => [add(c, x), mul(c, x)] as const, shaped(2), shaped(7, 2));
  const stacked: Is<typeof ys, F32<readonly [number, 2]>> = true;
  shape(carry, 2);
  shape(ys, 7, 2);
  const compiled = jit((x: F32<["n", 3]>) => matmul(x, params.w))(shaped(4, 3));
  const kept: Is<typeof compiled, F32<readonly ["n", 2]>> = true;
  shape(compiled, 4, 2);
  assert.ok(gradient && mapped && stacked && kept);
});

test("plain tensors stay plain, and fit anywhere", () => {
  let h = zeros([3]);
  h = concat([h, ones([2])]).mul(2);
  h = reshape(h, [1, 5]);
  const free: Is<typeof h, Tensor> = true;
  const wants: F32<["batch", 5]> = h;
  const tuple = zeros([2, 3] as const);
  const known: Is<typeof tuple, Tensor<readonly [2, 3]>> = true;
  shape(wants, 1, 5);
  shape(add(tuple, array([1, 2, 3])), 2, 3);
  assert.ok(free && known);
});

test.run();
