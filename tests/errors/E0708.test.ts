// E0708: too many calls are queued by a thread that may not wait. A page's main thread is played by a queue that is told so.
import { test } from "uvu";
import { OutOfMemoryError } from "../../runtime/errors/memory.ts";
import { BACKLOG, CommandQueue } from "../../runtime/wasm/queue.ts";
import { Queue } from "../../runtime/wasm/threads.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0708",
  "a loop that queues calls without end is told to wait in between",
  import.meta.url,
  () => {
    const queue = new CommandQueue({
      device: "wasm (2 threads, async)",
      mayBlock: false,
      startsAlone: true,
      start: () => ({ hold: () => {}, end: () => {} }),
      outOfMemory: requested => new OutOfMemoryError({ requested, live: 0, peak: 0, largest: 0 }),
    });
    for (let i = 0; i <= BACKLOG + Queue.slots; i++) queue.post([1]);
  },
  {
    fact: "16448 calls are queued on wasm (2 threads, async), and this thread, which may not wait for them, has not yielded",
    at: "post([1])",
    help: "wait inside the loop: await x.data(), or await device.sync()",
  },
);
test.run();
