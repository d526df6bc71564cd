// Run by Deno, for wasm-deno.test.ts: the bits of every program on each kind of Wasm device, one line of JSON each.
import { wasm } from "../../stdlib/index.ts";
import { digests } from "../support/bits.ts";

for (const options of [{ threads: 1 }, { threads: 2 }, { threads: 2, dispatch: "async" }] as const) {
  const device = wasm(options);
  console.log(JSON.stringify([device.name, await digests(device)]));
}
