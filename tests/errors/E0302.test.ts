// E0302: grad needs a scalar output.
import { test } from "uvu";
import { type Tensor, array, grad, jacfwd } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches("E0302", "the gradient of a vector is refused", import.meta.url, () => grad((x: Tensor) => x.mul(2))(array([1, 2])), {
  fact: "grad needs a function that returns a floating-point scalar; it returned f32[2]",
  at: ")(",
  help: "reduce it first (sum, mean), use hasAux for further outputs, or use vjp or jacrev",
});
teaches("E0302", "the gradient of an integer is refused", import.meta.url, () => grad((x: Tensor) => x.astype("i32"))(array(1)), {
  fact: "grad needs a function that returns a floating-point scalar; it returned i32[]",
  at: ")(",
  help: "reduce it first (sum, mean), use hasAux for further outputs, or use vjp or jacrev",
});
teaches("E0302", "the Jacobian of integers is refused", import.meta.url, () => jacfwd((x: Tensor) => x.astype("i32"))(array([1, 2])), {
  fact: "jacfwd needs floating-point outputs, got i32[2]",
  at: ")(",
  help: "leave out the others, or convert them",
});
teaches(
  "E0302",
  "hasAux without a second result is refused",
  import.meta.url,
  () => grad(((x: Tensor) => x.mul(2)) as never, { hasAux: true })(array(1) as never),
  {
    fact: "grad with hasAux needs a function that returns [scalar, aux]; it returned an instance of Tensor",
    at: ")(",
    help: "return an array of two",
  },
);
test.run();
