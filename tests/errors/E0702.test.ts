// E0702: out of memory.
import { test } from "uvu";
import { zeros } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0702",
  "a request beyond the device's memory is refused with its four numbers",
  import.meta.url,
  () => zeros([40_000, 40_000]).add(1),
  {
    fact: "out of memory: 6103.5 MiB requested, 0.0 MiB live, 0.0 MiB at the peak, largest free block 16.0 MiB",
    at: "zeros(",
    help: "donate arguments that a step replaces (jit(step, { donate: [0] })), dispose results you no longer need (using, or x.dispose()), or await inside long loops so that the collector can free garbage",
  },
);
test.run();
