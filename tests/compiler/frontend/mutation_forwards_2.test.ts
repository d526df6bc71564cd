// Fifty random programs, differentiated forwards: plain JavaScript, the rewritten program on numbers and on tensors, and gradients against dual numbers.
import { test } from "uvu";
import { requireSameForRandom } from "./mutation.ts";

test("random programs have the values and gradients of plain JavaScript", () => requireSameForRandom(true, 4));
test.run();
