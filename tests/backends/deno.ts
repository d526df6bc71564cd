// Run by Deno, for wasm-deno.test.ts: the bits of every program on each kind of Wasm device, one line of JSON each. Whether vectors pair with profit
// depends on the machine, so that nothing here is left to the probe; pairing is a flag of the process and comes last.
import { wasm } from "../../stdlib/index.ts";
import { digests } from "../support/bits.ts";

for (const options of [
  { threads: 1, wide: false },
  { threads: 2, wide: false },
  { threads: 2, wide: false, dispatch: "async" },
  { threads: 1, wide: true },
] as const) {
  const device = wasm(options);
  console.log(JSON.stringify([device.name, await digests(device)]));
}
