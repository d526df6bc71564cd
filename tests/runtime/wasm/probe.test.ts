// The probe of 256-bit vectors: its decision under a scripted clock, the flags it leaves behind, and what a device says on this engine.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { spawnSync } from "node:child_process";
import { nodeMajor, wasmFeatures } from "../../../runtime/wasm/features.ts";
import { loopModule, pairingPays, type ProbeHost } from "../../../runtime/wasm/probe.ts";

const PAIR = "--experimental-wasm-revectorize";

/** A host whose samples take what `duration(sample, paired)` says, and what flags it was given. */
function scripted(duration: (sample: number, paired: boolean) => number, baselineFirst = false): { host: ProbeHost; flags: string[] } {
  const flags: string[] = [];
  let calls = 0,
    time = 0;
  const host = {
    set: (...more: readonly string[]) => void flags.push(...more),
    now: () => {
      const sample = calls >> 1; // a sample reads the clock before and after
      if (calls++ % 2 === 1) time += duration(sample >> 1, sample % 2 === 1);
      return time;
    },
    baselineFirst,
  };
  return { host, flags };
}

test("where the loop takes half the time with pairing, the flag stays on", () => {
  const { host, flags } = scripted((_, paired) => (paired ? 1 : 2));
  assert.is(pairingPays(host), true);
  assert.equal(flags, [PAIR]);
});
test("where pairing changes nothing, or loses, the flag is taken back", () => {
  for (const gain of [1.03, 1, 0.8]) {
    const { host, flags } = scripted((_, paired) => (paired ? 1 : gain));
    assert.is(pairingPays(host), false);
    assert.equal(flags, [PAIR, "--no-experimental-wasm-revectorize"]);
  }
});
test("interruptions do not decide: one whole sample of each kind is enough", () => {
  const busy = (sample: number): number => (sample % 13 === 5 ? 0 : 40 + ((sample * 7) % 11));
  assert.is(pairingPays(scripted((s, paired) => busy(s) + (paired ? 1 : 1.7)).host), true);
  assert.is(pairingPays(scripted((s, paired) => busy(s + Number(paired)) + 1).host), false);
});
test("where functions start in the baseline compiler, they are pushed to the top tier for the probe only", () => {
  const { host, flags } = scripted(() => 1, true);
  pairingPays(host);
  assert.equal(flags, [
    "--wasm-tiering-budget=1",
    "--wasm-sync-tier-up",
    PAIR,
    "--no-experimental-wasm-revectorize",
    "--wasm-tiering-budget=13000000",
    "--no-wasm-sync-tier-up",
  ]);
});
test("the two loops are valid modules of different bytes, so that no engine shares their code", () => {
  const [one, two] = [loopModule(1), loopModule(2)];
  assert.ok(WebAssembly.validate(one) && WebAssembly.validate(two));
  assert.not.equal(one, two);
});

test("the answer is asked for once: every device of a process gets the same kernels, but those that opt out", () => {
  assert.is(wasmFeatures().wide, wasmFeatures().wide);
  assert.is(wasmFeatures({ wide: false }).wide, false);
});
test("a fresh process says nothing of engine flags; before Node 24 it has no paired vectors, later it may", () => {
  const said = (options: string): string => {
    const code = `import { wasm } from "./runtime/devices.ts"; console.log(wasm(${options}).name);`;
    const child = spawnSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code], {
      encoding: "utf8",
      timeout: 60_000,
    });
    assert.is(child.stderr, "");
    return child.stdout;
  };
  assert.match(said("{ threads: 1, wide: false }"), /^wasm \(1 thread(, fma)?\)\n$/);
  assert.match(
    said("{ threads: 1 }"),
    (nodeMajor() ?? 0) < 24 ? /^wasm \(1 thread(, fma)?\)\n$/ : /^wasm \(1 thread(, fma)?(, wide)?\)\n$/,
  );
  assert.match(said("{ threads: 1, wide: true }"), /, wide\)\n$/);
});

test.run();
