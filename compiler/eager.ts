// Operations outside any trace: each is a compiled one-line program, cached by primitive, operand types and parameters.
import { InternalError } from "../runtime/errors/error.ts";
import { showAval } from "./ir/aval.ts";
import type { Func, Params } from "./ir/func.ts";
import type { Primitive } from "./ir/primitive.ts";
import { installEager, bind } from "./trace/bind.ts";
import { traceClosed } from "./trace/trace.ts";
import type { Tensor } from "./trace/tensor.ts";
import { runFunc } from "./execute.ts";

const CAPACITY = 1024;
const cache = new Map<string, Func>(); // least recently used first; dropping a Func drops its executables
const ids = new WeakMap<object, number>();
let nextId = 0;
/** A number that stands for an object's identity. */
function identity(x: object): number {
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

function evaluateEagerly(prim: Primitive, ins: readonly Tensor[], params: Params): Tensor[] {
  const key = `${identity(prim)} ${ins.map(x => showAval(x.aval)).join(" ")} ${paramKey(params)}`;
  let func = cache.get(key);
  if (func) cache.delete(key);
  else func = traceClosed((...xs) => bind(prim, xs, params), ins.map(x => x.aval));
  cache.set(key, func);
  if (cache.size > CAPACITY) for (const oldest of cache.keys()) { cache.delete(oldest); break; }
  return runFunc(func, ins);
}

installEager(evaluateEagerly);
