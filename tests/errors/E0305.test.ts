// E0305: a collective names an axis that nothing binds.
import { test } from "uvu";
import { type Tensor, array, jit, psum, vmap } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0305",
  "a sum over an axis outside any vmap is refused",
  import.meta.url,
  () => jit((x: Tensor) => psum(x, { axisName: "devices" }))(array(1)),
  { fact: 'psum names the axis "devices", which no vmap binds', at: ")(", help: 'wrap the function: vmap(f, { axisName: "devices" })' },
);
teaches(
  "E0305",
  "a sum over another axis than the vmap's is refused",
  import.meta.url,
  () => vmap((x: Tensor) => psum(x, { axisName: "devices" }), { axisName: "batch" })(array([1, 2])),
  { fact: 'psum names the axis "devices", which no vmap binds', at: ")(", help: 'wrap the function: vmap(f, { axisName: "devices" })' },
);
test.run();
