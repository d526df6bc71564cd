// WebGPU in a real browser, Chromium over SwiftShader: the conformance suite runs in a page, over other samples than in Node; all of them with CONFORMANCE=all.
import { test } from "uvu";
import { partOf, queryOf } from "../backends/part.ts";
import { pageTests } from "./harness.ts";

const part = partOf(name => process.env[name]),
  { all } = part;
const runs = await pageTests("tests/browser/webgpu.page.ts", {
  "WebGPU on SwiftShader": { gpu: true, query: queryOf(part), seconds: all ? 14_400 : 240, follow: all },
});
for (const { browser } of runs.values()) console.log(browser);
test.run();
