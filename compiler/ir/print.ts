// Func -> text. Variables are renumbered, so equal programs print equally; `parse` reads it back (except opaque functions, which print as <fn name>).
//
//   func(a: f32[2,3], b: f32[3]) {
//     c: f32[2,3] = broadcastInDim[dims=[1], shape=[2,3]] b
//     d: f32[2,3] = add a c
//     return d
//   }
import { showAval } from "./aval.ts";
import type { Atom, Func, Var } from "./func.ts";
import { isFunc } from "./walk.ts";

/** `sources`: append the user's line to each equation. */
export interface PrintOptions {
  readonly sources?: boolean;
}

/** The one way numbers are printed: shortest text that reads back to the same value, with `-0`, `inf`, `-inf`, `nan`. */
export function printNumber(x: number): string {
  return Number.isNaN(x) ? "nan" : x === Infinity ? "inf" : x === -Infinity ? "-inf" : Object.is(x, -0) ? "-0" : String(x);
}

/** Text of a program. */
export function printFunc(f: Func, options: PrintOptions = {}): string {
  return print(f, "", options);
}

function print(f: Func, indent: string, options: PrintOptions): string {
  const names = new Map<Var, string>();
  const define = (v: Var): string => {
    names.set(v, nameOf(names.size));
    return `${names.get(v)}: ${showAval(v.aval)}`;
  };
  const atom = (a: Atom): string => (a.kind === "lit" ? `${printNumber(a.value)}:${a.aval.dtype}` : (names.get(a) ?? `?v${a.id}`));
  const lines = [`func(${f.params.map(define).join(", ")}) {`];
  for (const e of f.eqns) {
    const ins = e.ins.map(a => ` ${atom(a)}`).join("");
    const outs = e.outs.map(define).join(", ");
    const at = options.sources ? e.source?.locate() : undefined;
    lines.push(
      `${indent}  ${outs} = ${e.prim.name}${printParams(e.params, `${indent}  `, options)}${ins}${at ? `  # ${at.file}:${at.line}:${at.column}` : ""}`,
    );
  }
  lines.push(`${indent}  return ${f.results.map(atom).join(", ")}`, `${indent}}`);
  return lines.join("\n");
}

function printParams(params: Readonly<Record<string, unknown>>, indent: string, options: PrintOptions): string {
  const keys = Object.keys(params)
    .filter(k => params[k] !== undefined)
    .sort();
  return keys.length === 0 ? "" : `[${keys.map(k => `${k}=${printParam(params[k], indent, options)}`).join(", ")}]`;
}
function printParam(x: unknown, indent: string, options: PrintOptions): string {
  if (typeof x === "number") return printNumber(x);
  if (typeof x === "string") return JSON.stringify(x);
  if (typeof x === "boolean" || x === null) return String(x);
  if (typeof x === "function") return `<fn ${x.name || "anonymous"}>`;
  if (isFunc(x)) return print(x, indent, options);
  if (Array.isArray(x)) return `[${x.map(y => printParam(y, indent, options)).join(",")}]`;
  if (typeof x === "object") {
    const entries = Object.entries(x as Record<string, unknown>)
      .filter(([, v]) => v !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1)); // a parameter object is a plain record
    return `{${entries.map(([k, v]) => `${k}: ${printParam(v, indent, options)}`).join(", ")}}`;
  }
  return `<${typeof x}>`;
}

const reserved = new Set(["inf", "nan", "func", "return"]);
/** a, b, ..., z, aa, ab, ...; words of the grammar get a trailing underscore. */
function nameOf(i: number): string {
  let name = "";
  for (let n = i; n >= 0; n = Math.floor(n / 26) - 1) name = String.fromCharCode(97 + (n % 26)) + name;
  return reserved.has(name) ? `${name}_` : name;
}
