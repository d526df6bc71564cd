// Programs with loops agree with plain JavaScript in every way of running them: rewritten on numbers, eager, under jit and vmap, and their gradients.
import { test } from "uvu";
import { requireAgreement } from "./agree.ts";
import { loops } from "./programs_loops.ts";

for (const p of loops) test(p.name, () => requireAgreement(p));
test.run();
