// Primitives cut for a GPU, run thread by thread: part 1 of 3.
import { test } from "uvu";
import { allPrimitives } from "../../../../compiler/primitives/all.ts";
import { testPrimitives } from "./samples.ts";

testPrimitives(allPrimitives.filter((_, i) => i % 3 === 0));

test.run();
