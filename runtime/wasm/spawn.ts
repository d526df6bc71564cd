// Starts a thread from a function's text, in Node and in browsers. A thread never keeps the process alive unless it is held.
import { driver, forkJoin, helper, type DriverStart, type HelperStart } from "./threads.ts";

/** What the host sees of a thread. */
export interface Thread {
  /** Keep the process alive for this thread, or no longer. */
  hold(held: boolean): void;
  /** Stop it, whatever it is doing. */
  end(): void;
}
/** What the host wants to know of one. */
export interface Listener {
  message(): void;
  /** The thread could not start, or has ended. */
  died(reason: string): void;
}

/** Start a helper of a pool. */
export const startHelper = (start: HelperStart, listener: Listener): Thread => spawn(`${helper}`, start, listener);
/** Start the driver of a queue. */
export const startDriver = (start: DriverStart, listener: Listener): Thread =>
  spawn(`(start, post) => (${driver})(start, post, ${forkJoin})`, start, listener);

/** Some loaders wrap named functions in a helper of theirs, which the text then calls. */
const SHIM = "const __name = f => f;";

function spawn(code: string, start: HelperStart | DriverStart, { message, died }: Listener): Thread {
  if (typeof process !== "undefined" && typeof process.getBuiltinModule === "function" && process.versions?.node !== undefined) {
    const { Worker: NodeWorker } = process.getBuiltinModule("node:worker_threads");
    const main = `${SHIM} const { parentPort, workerData } = require("node:worker_threads"); (${code})(workerData, x => parentPort.postMessage(x));`;
    const thread = new NodeWorker(main, { eval: true, workerData: start, execArgv: [], env: {} });
    thread.on("message", message);
    thread.on("error", e => died(e.message));
    thread.on("exit", status => died(`its thread ended with status ${status}`));
    thread.unref();
    return { hold: held => (held ? thread.ref() : thread.unref()), end: () => void thread.terminate() };
  }
  const main = `${SHIM} onmessage = e => (${code})(e.data, x => postMessage(x));`;
  const url = URL.createObjectURL(new Blob([main], { type: "text/javascript" }));
  const thread = new Worker(url);
  thread.addEventListener("message", () => {
    URL.revokeObjectURL(url); // it has been read by now; revoking again is harmless
    message();
  });
  thread.addEventListener("error", e => {
    died(e.message || "its worker could not start: does the page's Content-Security-Policy allow worker-src blob: ?");
  });
  thread.postMessage(start);
  return { hold: () => {}, end: () => thread.terminate() };
}
