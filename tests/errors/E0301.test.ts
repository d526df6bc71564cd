// E0301: a primitive lacks a rule.
import { test } from "uvu";
import { definePrimitive } from "../../compiler/extend.ts";
import { type Tensor, array, grad, vmap } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

const halve = definePrimitive<1>({ name: "acme.halve", aval: ([x]) => x, lower: { kind: "kernel", build: () => undefined } });

teaches(
  "E0301",
  "a primitive without a derivative is named, and where to write one",
  import.meta.url,
  () => grad((x: Tensor) => halve(x))(array(1)),
  {
    fact: "acme.halve has no jvp rule",
    at: "halve(",
    help: "add jvp to the record of acme.halve: one (dx, ins, params, out) => dout per operand (null where it is not differentiable), or say linear",
  },
);
teaches(
  "E0301",
  "a primitive without a batch rule is named, and where to write one",
  import.meta.url,
  () => vmap((x: Tensor) => halve(x))(array([1, 2])),
  {
    fact: "acme.halve has no batch rule",
    at: "halve(",
    help: "add batch to the record of acme.halve: (ins, batched, params, axis) => outs, every batched tensor with its new axis first",
  },
);
test.run();
