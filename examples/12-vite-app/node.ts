// The same training without a page: node --import pullback/register examples/12-vite-app/node.ts
import { openDevice, wasm } from "pullback/compiled";
import { train } from "./train.ts";

await openDevice(wasm);
await train(Number(process.argv[2] ?? 1500), 500, ({ step, loss, accuracy }) =>
  console.log(`step ${step}: loss ${loss.toFixed(4)}, ${(100 * accuracy).toFixed(1)} % of new points right`),
);
