// WebGPU in a real browser, Chromium over SwiftShader: the conformance suite runs in a page, over other samples than in Node; all of them with CONFORMANCE=all.
import { test } from "uvu";
import { pageTests } from "./harness.ts";

const all = process.env["CONFORMANCE"] === "all";
await pageTests("tests/browser/webgpu.page.ts", {
  "WebGPU on SwiftShader": { gpu: true, query: all ? "all" : "", seconds: all ? 3600 : 240 },
});
test.run();
