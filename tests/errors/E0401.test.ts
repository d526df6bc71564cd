// E0401: no value carries this mark.
import { test } from "uvu";
import { type Tensor, array, grad, mark, reap, sum } from "../../stdlib/index.ts";
import { fsam } from "../../stdlib/sharpness/index.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0401",
  "fsam of a loss without marked logits tells the ways out",
  import.meta.url,
  () =>
    fsam(
      grad((p: Tensor) => sum(p.mul(p))),
      { rho: 0.1 },
    )(array([1, 2])),
  {
    fact: 'reap found no value marked "logits" with the role cotangent; there are no marks',
    at: ")(",
    help: 'mark it in the model, mark("logits", z); or use a loss of pullback/nn, which marks its logits; or fsam.split({ model, loss }), which needs no marks',
  },
);
teaches("E0401", "reap names the marks that there are", import.meta.url, () => reap((x: Tensor) => mark("h", x), "logits")(array(1)), {
  fact: 'reap found no value marked "logits" with the role primal; there are "h" (primal)',
  at: ")(",
  help: 'mark it in the model, mark("logits", z); or use a loss of pullback/nn, which marks its logits; or fsam.split({ model, loss }), which needs no marks',
});
test.run();
