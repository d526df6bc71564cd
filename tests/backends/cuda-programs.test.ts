// Programs of many operations on the CUDA device, through a driver without a card and an interpreter of PTX, against the reference evaluator.
import { test } from "uvu";
import { closes, paper } from "../cuda/paper.ts";
import { programSuite } from "./suite.ts";

const card = paper();
programSuite({ device: card.device, runs: 100 });
test("nothing is left behind, and nothing was done that a driver forbids", () => closes(card));
test.run();
