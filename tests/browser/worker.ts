// Run in a worker, for wasm-worker.page.ts: tells the page which devices there are, what a blocking read gives, and every program's bits.
import { add, array, defaultDevice, jit, setDefaultDevice, wasm, type Tensor } from "../../stdlib/index.ts";
import { digests } from "../support/bits.ts";

const devices = [defaultDevice(), ...(crossOriginIsolated ? [wasm({ dispatch: "async" })] : [wasm()])],
  twice = jit((x: Tensor) => add(x, x)),
  read: number[] = [],
  bits: unknown[] = [];
for (const device of devices) {
  setDefaultDevice(device);
  await device.sync(); // a queued device's thread is up then, and may be waited for
  read.push(...twice(array([1, 2, 3])).dataSync());
  bits.push(await digests(device));
}
postMessage({ names: devices.map(d => d.name), read, digests: bits });
