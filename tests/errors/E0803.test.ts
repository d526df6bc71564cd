// E0803: a gradient function gave no gradient of its first argument.
import { test } from "uvu";
import { array, sum } from "../../stdlib/index.ts";
import { sam } from "../../stdlib/sharpness/index.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0803",
  "a function that is no gradient is refused",
  import.meta.url,
  () => sam((p: { w: ReturnType<typeof array> }) => sum(p.w) as never, { rho: 0.1 })({ w: array([1, 2]) }),
  {
    fact: "a gradient function gave leaves [] for parameters with leaves [w]",
    at: ")(",
    help: "wrap grad(loss) or valueAndGrad(loss), differentiated in the whole first argument; frozen parameters belong into another argument or a mask",
  },
);
test.run();
