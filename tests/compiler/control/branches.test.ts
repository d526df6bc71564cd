// The types in which branches and loops meet: JavaScript numbers give way to what the other branch, or the step, gives, and nothing is cut off unsaid.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PullbackError, add, array, cond, fori, jit, scan, switch_, while_, type Tensor } from "../../../stdlib/index.ts";

const yes = array(true);
const i32 = (x: number): Tensor => array(x, { dtype: "i32" });
const f64 = (x: number): Tensor => array(x, { dtype: "f64" });
/** dtype and value. */
const is = (x: Tensor, dtype: string, value: number): void => assert.equal([x.dtype, x.item()], [dtype, value]);
const refused = (code: string, fact: string, f: () => unknown): void => {
  try {
    f();
  } catch (e) {
    if (!(e instanceof PullbackError)) throw e;
    assert.equal([e.code, e.message.split("\n")[0]], [code, `${code}: ${fact}`]);
    return;
  }
  assert.unreachable(`${code} was not thrown`);
};

test("a fraction never becomes an integer because another branch is one", () => {
  refused("E0502", "the branches of cond return i32[] and f32[]", () =>
    cond<[], number | Tensor>(
      yes,
      () => 1.5,
      () => i32(3),
    ),
  );
  refused("E0502", "the branches of switch return i32[] and f32[]", () => switch_<[], number | Tensor>(i32(1), [() => i32(3), () => 0.5]));
});
test("an integer that the dtype holds joins an integer branch, another one does not", () => {
  is(
    cond<[], number | Tensor>(
      yes,
      () => 2,
      () => i32(3),
    ) as Tensor,
    "i32",
    2,
  ); // a tensor by the branches' rule
  refused("E0502", "the branches of cond return u8[] and f32[]", () =>
    cond<[], number | Tensor>(
      yes,
      () => 256,
      () => array(1, { dtype: "u8" }),
    ),
  );
});
test("a number that a float branch meets is written in its dtype, not rounded to f32 on the way", () => {
  is(
    cond<[], number | Tensor>(
      yes,
      () => 0.1,
      () => f64(3),
    ) as Tensor,
    "f64",
    0.1,
  ); // as above
});
test("a number is no truth value", () =>
  refused("E0502", "the branches of cond return bool[] and f32[]", () =>
    cond<[], number | Tensor>(
      yes,
      () => 1,
      () => yes,
    ),
  ));
test("numbers in all branches give way to what they meet afterwards", () => {
  const f = jit((p: Tensor, x: Tensor) =>
    add(
      cond(
        p,
        () => 0.5,
        () => 0.25,
      ),
      x,
    ),
  );
  is(f(yes, f64(1)), "f64", 1.5);
});
test("a carry keeps its integers: a step that gives a fraction is refused, and so is one that begins with a fraction", () => {
  const step = (value: number | Tensor) => (): Tensor => value as Tensor; // a step may return numbers
  refused("E0501", "carry of while_ is i32[] and becomes f32[] after a step", () => while_((x: Tensor) => x.less(9), step(9.5), i32(1)));
  refused(
    "E0501",
    "carry of scan is f32[] and becomes i32[] after a step",
    () => scan<number, Tensor, null>(() => [i32(3) as unknown as number, null], 1.5, array([1, 2])), // a step may return tensors
  );
});
test("a carry that begins as a number takes the dtype that a step gives it", () => {
  is(
    fori(0, 3, (_, c: Tensor) => (c.weak ? i32(2) : add(c, i32(2))), 0 as unknown as Tensor),
    "i32",
    6,
  ); // a carry may begin as a number
  is(
    fori(0, 0, (_, c: Tensor) => add(c, f64(2)), 0.1 as unknown as Tensor),
    "f64",
    0.1,
  ); // as above
});

test.run();
