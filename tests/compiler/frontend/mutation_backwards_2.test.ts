// Fifty random programs, differentiated backwards: plain JavaScript, the rewritten program on numbers and on tensors, and gradients against dual numbers.
import { test } from "uvu";
import { requireSameForRandom } from "./mutation.ts";

test("random programs have the values and gradients of plain JavaScript", () => requireSameForRandom(false, 2));
test.run();
