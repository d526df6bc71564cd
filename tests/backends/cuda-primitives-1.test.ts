// A quarter of the primitives on the CUDA device, through a driver without a card and an interpreter of PTX, against the reference evaluator.
import { test } from "uvu";
import { closes, paper } from "../cuda/paper.ts";
import { primitiveSuite } from "./suite.ts";

const card = paper({ capability: 75 });
primitiveSuite({ device: card.device, large: 2048, share: [0, 4] });
test("nothing is left behind, and nothing was done that a driver forbids", () => closes(card));
test.run();
