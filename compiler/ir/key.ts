// Keys of programs and of static data: equal exactly when they mean the same. Programs and plain data count by content, functions and instances by identity.
import { InternalError } from "../../runtime/errors/error.ts";
import { showAval } from "./aval.ts";
import type { Atom, Func, Var } from "./func.ts";
import { isFunc } from "./walk.ts";

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
    case "number":
      return Object.is(x, -0) ? "-0" : String(x);
    case "string":
      return JSON.stringify(x);
    case "boolean":
    case "undefined":
    case "bigint":
      return String(x);
    case "function":
      return `f${identity(x)}`;
    case "symbol":
      return x.toString();
    case "object": {
      if (x === null) return "null";
      if (Array.isArray(x)) return `[${x.map(paramKey).join(",")}]`;
      if (isFunc(x)) return funcKey(x);
      const proto: unknown = Object.getPrototypeOf(x);
      if (proto !== Object.prototype && proto !== null) return `o${identity(x)}`;
      return `{${Object.entries(x)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([k, v]) => `${k}:${paramKey(v)}`)
        .join(",")}}`;
    }
    default:
      throw new InternalError(`a parameter of type ${typeof x}`);
  }
}

const programs = new WeakMap<Func, string>(); // Funcs are immutable
/** The key of a program: its equations with variables numbered in order, primitives by identity. */
export function funcKey(f: Func): string {
  const known = programs.get(f);
  if (known !== undefined) return known;
  const numbers = new Map<Var, number>();
  const define = (v: Var): string => {
    numbers.set(v, numbers.size);
    return showAval(v.aval);
  };
  const atom = (a: Atom): string => (a.kind === "lit" ? `${paramKey(a.value)}:${a.aval.dtype}` : `v${numbers.get(a) ?? `?${a.id}`}`);
  const lines = [f.params.map(define).join(",")];
  for (const e of f.eqns) {
    const ins = e.ins.map(atom).join(" ");
    lines.push(`${identity(e.prim)}${paramKey(e.params)} ${ins}>${e.outs.map(define).join(",")}`);
  }
  lines.push(f.results.map(atom).join(","));
  const key = `(${lines.join(";")})`;
  programs.set(f, key);
  return key;
}
