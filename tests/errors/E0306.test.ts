// E0306: a custom derivative does not fit its function.
import { test } from "uvu";
import { type Tensor, array, customJvp, customVjp, grad, jvp, sin } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0306",
  "a backward rule with too few cotangents is refused",
  import.meta.url,
  () =>
    grad(
      customVjp(
        (x: Tensor) => sin(x),
        (x: Tensor) => [sin(x), x],
        () => [] as never,
      ),
    )(array(1)),
  {
    fact: "the backward rule of customVjp returned [] for 1 arguments",
    at: ")(",
    help: "return an array with one cotangent per differentiable argument; null is zero",
  },
);
teaches(
  "E0306",
  "a forward rule that gives another type is refused",
  import.meta.url,
  () =>
    grad(
      customVjp(
        (x: Tensor) => sin(x),
        (x: Tensor) => [sin(x).reshape([1]) as never, x],
        (_, ct) => [ct],
      ),
    )(array(1)),
  { fact: "the forward rule of customVjp gives (f32[1]), the function (f32[])", at: ")(", help: "return the function's own output" },
);
teaches(
  "E0306",
  "a jvp rule that is no pair is refused",
  import.meta.url,
  () =>
    jvp(
      customJvp((x: Tensor) => sin(x), (() => sin(1)) as never),
      [array(1)],
      [array(1)],
    ),
  { fact: "the rule of customJvp returned *", at: "jvp(", help: "return [out, dout]" },
);
test.run();
