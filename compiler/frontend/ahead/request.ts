// `./model.ts?compiled&batch=32`: what an import asks for. Pure.

/** A kind of device that programs are compiled for. */
export type AheadDevice = "wasm" | "webgpu";
/** How models are compiled ahead of time. */
export interface AheadOptions {
  /** What programs are compiled for, in the order in which a page tries them (default: webgpu, wasm). */
  readonly devices?: readonly AheadDevice[];
  /** Sizes of named dimensions; an import's own (`?compiled&batch=32`) come first. */
  readonly sizes?: Readonly<Record<string, number>>;
  /** Write `model.compiled.d.ts` beside the model, so that TypeScript knows the import (default: true). */
  readonly types?: boolean;
}
/** One module to make. */
export interface Request {
  /** The model's path. */
  readonly file: string;
  /** The import's query, as it was written: it begins with "?". */
  readonly query: string;
  /** The exported functions that are wanted; undefined: all whose parameters say shapes. */
  readonly only?: readonly string[];
  readonly sizes: Readonly<Record<string, number>>;
  readonly devices: readonly AheadDevice[];
  readonly types: boolean;
}

/** What an import that asks for a compiled module looks like. */
export const compiledImport: RegExp = /\?(?:[^#]*&)?compiled(?:[=&#]|$)/;
/** What it asks for. `id` is a path with a query. */
export function requestOf(id: string, { devices = ["webgpu", "wasm"], sizes = {}, types = true }: AheadOptions = {}): Request {
  const at = id.indexOf("?"),
    query = (at < 0 ? "" : id.slice(at)).replace(/#.*$/, ""),
    said = new URLSearchParams(query),
    only = said.get("compiled") ?? "";
  const own = [...said].filter(([name, value]) => name !== "compiled" && /^\d+$/.test(value)).map(([name, value]) => [name, Number(value)]);
  return {
    file: at < 0 ? id : id.slice(0, at),
    query,
    ...(only === "" ? {} : { only: only.split(",") }),
    sizes: { ...sizes, ...(Object.fromEntries(own) as Record<string, number>) }, // pairs of a name and a number
    devices,
    types,
  };
}
