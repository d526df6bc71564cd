// Keys of static data: equal exactly when two parameters mean the same. Plain data counts by content, programs, functions and instances by identity.
import { InternalError } from "../../runtime/errors/error.ts";

const ids = new WeakMap<object, number>();
let nextId = 0;
/** A number that stands for an object's identity. */
export function identity(x: object): number {
  let id = ids.get(x);
  if (id === undefined) ids.set(x, (id = nextId++));
  return id;
}

/** A key equal exactly when parameters mean the same: data by content, programs and functions by identity. */
export function paramKey(x: unknown): string {
  switch (typeof x) {
    case "number": return Object.is(x, -0) ? "-0" : String(x);
    case "string": return JSON.stringify(x);
    case "boolean": case "undefined": case "bigint": return String(x);
    case "function": return `f${identity(x)}`;
    case "symbol": return x.toString();
    case "object": {
      if (x === null) return "null";
      if (Array.isArray(x)) return `[${x.map(paramKey).join(",")}]`;
      const proto: unknown = Object.getPrototypeOf(x);
      if ((proto !== Object.prototype && proto !== null) || "eqns" in x) return `o${identity(x)}`;
      return `{${Object.entries(x).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => `${k}:${paramKey(v)}`).join(",")}}`;
    }
    default: throw new InternalError(`a parameter of type ${typeof x}`);
  }
}

