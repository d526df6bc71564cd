// Every opcode is in some test of this folder, and every opcode that the compiler prints is known.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PtxDevice } from "../device.ts";
import { DECODERS } from "./table.ts";

const folder = fileURLToPath(new URL("..", import.meta.url)),
  tests = ["", "ops/", "races/"]
    .flatMap(d => readdirSync(folder + d).flatMap(f => (f.endsWith(".test.ts") ? [readFileSync(folder + d + f, "utf8")] : [])))
    .join("\n");

test("every opcode is executed by some test", () => {
  const missing = Object.keys(DECODERS).filter(op => !new RegExp(`[\`"{;: ]${op}[.;]`).test(tests));
  assert.equal(missing, []);
});
test("instructions that a target or a language version does not have are refused", () => {
  const load = (target: string, version: string, text: string): void => {
    new PtxDevice({ capability: 90, bytes: 64 }).load(
      `.version ${version}\n.target ${target}\n.address_size 64\n.visible .entry k()\n{ .reg .b32 %r<4>; .reg .f32 %f<4>; .reg .b16 %h; .reg .pred %p;\n${text} }`,
    );
  };
  const refused = (target: string, version: string, text: string): void => {
    assert.throws(() => load(target, version, text), /needs/, text);
  };
  load("sm_80", "7.0", "redux.sync.add.s32 %r0, %r1, -1;");
  refused("sm_75", "7.0", "redux.sync.add.s32 %r0, %r1, -1;");
  refused("sm_75", "7.0", "cp.async.wait_all;");
  refused("sm_80", "6.5", "cp.async.wait_all;");
  refused("sm_80", "7.0", "cvt.f32.bf16 %f0, %h;");
  load("sm_80", "7.1", "cvt.f32.bf16 %f0, %h;");
  refused("sm_75", "6.3", "max.NaN.f32 %f0, %f1, %f2;");
  refused("sm_89", "8.0", "elect.sync _|%p, -1;");
  refused("sm_90", "8.0", "wgmma.fence.sync.aligned;");
  load("sm_90a", "8.0", "wgmma.fence.sync.aligned;");
  refused("sm_90", "8.0", "setmaxnreg.inc.sync.aligned.u32 232;");
  refused("sm_80", "7.8", "fence.proxy.async;");
});
test.run();
