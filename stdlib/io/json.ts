// A strict JSON reader for headers of files that nobody vouches for. Objects become Maps (so no name can touch a prototype), a repeated key is an
// error, depth is limited. JSON.parse does none of these three. It allocates nothing larger than the text it reads.

/** A JSON value whose objects are Maps. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
/** An object as a Map, keys in file order. */
export interface JsonObject extends ReadonlyMap<string, Json> {}
/** Why a text is not JSON, and at which character. The caller turns it into its own coded error. */
export class JsonError extends Error {
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.name = "JsonError";
    this.at = at;
  }
}

const space = /[ \t\n\r]*/y,
  digits = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y,
  plain = /[^"\\\u0000-\u001f]*/y;
const escapes: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["\\", "\\"],
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);

/** Read one JSON value that fills `text` but for white space. @throws JsonError */
export function parseJson(text: string, maxDepth: number): Json {
  let at = 0;
  const fail = (message: string): never => {
    throw new JsonError(message, at);
  };
  const match = (r: RegExp): string => {
    r.lastIndex = at;
    const m = r.exec(text)?.[0] ?? "";
    at += m.length;
    return m;
  };
  const next = (): string => {
    match(space);
    return text[at] ?? "";
  };
  const expect = (c: string): void => {
    if (next() !== c) fail(`expected ${c}`);
    at++;
  };
  const word = <T>(w: string, value: T): T => {
    if (!text.startsWith(w, at)) fail("expected a value");
    at += w.length;
    return value;
  };

  const string = (): string => {
    expect('"');
    let s = match(plain);
    while (text[at] !== '"') {
      if (text[at] !== "\\") fail(at < text.length ? "a control character in a string" : "a string does not end");
      const c = text[at + 1] ?? "",
        simple = escapes.get(c);
      if (simple !== undefined) {
        s += simple;
        at += 2;
      } else {
        const hex = /^u([0-9a-fA-F]{4})/.exec(text.slice(at + 1, at + 6))?.[1];
        if (hex === undefined) return fail("a bad escape in a string");
        s += String.fromCharCode(Number.parseInt(hex, 16));
        at += 6;
      }
      s += match(plain);
    }
    at++;
    return s;
  };
  const list = <T>(close: string, item: () => T): void => {
    at++;
    if (next() === close) {
      at++;
      return;
    }
    for (;;) {
      item();
      const c = next();
      if (c !== "," && c !== close) fail(`expected , or ${close}`);
      at++;
      if (c === close) return;
    }
  };
  const value = (depth: number): Json => {
    if (depth > maxDepth) fail(`more than ${maxDepth} levels`);
    const c = next();
    switch (c) {
      case "{": {
        const object = new Map<string, Json>();
        list("}", () => {
          next();
          const start = at,
            key = string();
          if (object.has(key)) {
            at = start;
            fail(`the key ${JSON.stringify(key)} is repeated`);
          }
          expect(":");
          object.set(key, value(depth + 1));
        });
        return object;
      }
      case "[": {
        const items: Json[] = [];
        list("]", () => {
          items.push(value(depth + 1));
        });
        return items;
      }
      case '"':
        return string();
      case "t":
        return word("true", true);
      case "f":
        return word("false", false);
      case "n":
        return word("null", null);
      default: {
        const m = match(digits);
        return m === "" ? fail("expected a value") : Number(m);
      }
    }
  };
  const result = value(1);
  if (next() !== "") fail("text after the value");
  return result;
}
