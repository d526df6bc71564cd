// E0801: an option has an invalid value.
import { test } from "uvu";
import * as optim from "../../stdlib/optim/index.ts";
import * as random from "../../stdlib/random/index.ts";
import { teaches } from "./teaches.ts";

teaches("E0801", "a schedule of no steps is refused", import.meta.url, () => optim.linear({ init: 1, end: 0, steps: 0 }), {
  fact: "linear: steps is 0, it must be greater than 0",
  at: "linear(",
});
teaches("E0801", "a fractional seed is refused", import.meta.url, () => random.key(0.5), {
  fact: "random.key got the seed 0.5",
  at: "key(",
  help: "a seed is an integer; use a bigint beyond 2^53",
});
test.run();
