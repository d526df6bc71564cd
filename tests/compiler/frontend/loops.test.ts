// Programs with loops agree with plain JavaScript in every way of running them: rewritten on numbers, eager, under jit and vmap, and their gradients.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { requireAgreement } from "./agree.ts";
import { branches } from "./programs_branches.ts";
import { loops } from "./programs_loops.ts";

test("with the branches there are more than sixty", () => assert.ok(branches.length + loops.length > 60));
for (const p of loops) test(p.name, () => requireAgreement(p));
test.run();
