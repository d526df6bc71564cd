// Run by Deno: the module named by the first argument, an ordinary test module; what it tells goes to standard output, one line of JSON each.
import { TELL, type Message } from "../browser/channel.ts";

await new Promise<void>(resolve => {
  Reflect.set(globalThis, TELL, (message: Message) => {
    console.log(JSON.stringify(message));
    if (message.kind === "done") resolve();
  });
  void import(process.argv[2] ?? "");
});
process.exit(0); // the device would keep it alive
