// Programs with branches agree with plain JavaScript in every way of running them: rewritten on numbers, eager, under jit and vmap, and their gradients.
import { test } from "uvu";
import { requireAgreement } from "./agree.ts";
import { branches } from "./programs_branches.ts";

for (const p of branches) test(p.name, () => requireAgreement(p));
test.run();
