// E0102: a tensor outlived the function that was being traced.
import { test } from "uvu";
import { array, grad, type Tensor } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0102",
  "a traced tensor that was stored outside is refused later",
  import.meta.url,
  () => {
    let kept: Tensor | undefined;
    grad((x: Tensor) => (kept = x).mul(x))(array(2));
    return kept?.add(1);
  },
  {
    fact: "a traced tensor f32[] is used outside the function that was traced",
    at: "add(",
    help: "return it from the traced function instead of storing it outside",
  },
);
test.run();
