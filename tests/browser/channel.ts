// What a page tells the test that opened it: results of tests, values to compare, the end. Used on both sides, so it touches neither Node nor the DOM.

/** A message from a page. */
export type Message =
  | { readonly kind: "test"; readonly name: string; readonly seconds: number; readonly error?: string }
  | { readonly kind: "skip"; readonly name: string }
  | { readonly kind: "value"; readonly name: string; readonly value: unknown }
  | { readonly kind: "ask"; readonly what: string }
  | { readonly kind: "done" };

/** How one test ended. */
export type Result = Extract<Message, { kind: "test" | "skip" }>;
/** A result as a line, for whoever follows a long run. */
export const lineOf = (r: Result): string =>
  r.kind === "skip" ? `skip    ${r.name}` : `${r.error === undefined ? "ok    " : "FAILED"}  ${r.seconds.toFixed(1)} s  ${r.name}`;

/** The name of the function that Playwright puts into the page. */
export const TELL = "pullbackTell";

/** Tell the test outside. Only in a page that the harness has opened. */
export function tell(message: Message): Promise<void> {
  const send: unknown = Reflect.get(globalThis, TELL);
  if (typeof send !== "function") throw new Error("this page was not opened by the browser harness");
  return Promise.resolve(send(message));
}
/** Ask the test outside to do something (`asked` of its PageOptions); resolves when it has. */
export const ask = (what: string): Promise<void> => tell({ kind: "ask", what });
/** Hand a value (anything that JSON can carry) to the test outside, under a name. */
export const give = (name: string, value: unknown): Promise<void> => tell({ kind: "value", name, value });
