// The process that compiles one model and ends: nothing of the model stays behind, and an edited one is read afresh. It is sent a request and sends the answer.
import process from "node:process";
import { answer } from "./answer.ts";
import type { Request } from "./request.ts";

process.once("message", (request: Request) => {
  answer(request).then(
    a => process.send?.(a, () => process.disconnect()),
    (e: unknown) => {
      console.error(e);
      process.exit(1);
    },
  );
});
