// Bytes as they stand in a module: without what only debuggers read, deflated, as base64. The launcher's `unpack` is the way back.
import { deflateRawSync } from "node:zlib";
import type { Packed } from "../../../runtime/aot/format.ts";
import type { HostArray } from "../../../runtime/dtype.ts";

/** Bytes, packed. */
export const pack = (bytes: Uint8Array): Packed => deflateRawSync(bytes, { level: 9 }).toString("base64");
/** A value as JSON, packed. */
export const packJson = (value: unknown): Packed => pack(new TextEncoder().encode(JSON.stringify(value)));
/** A tensor's numbers, packed. */
export const packArray = (a: HostArray): Packed => pack(new Uint8Array(a.buffer, a.byteOffset, a.byteLength));

const HEADER = 8; // magic and version
/** A WebAssembly module without its custom sections (names). */
export function withoutNames(module: Uint8Array): Uint8Array {
  const parts = [module.subarray(0, HEADER)];
  for (let at = HEADER; at < module.length;) {
    let size = 0,
      shift = 0,
      end = at + 1;
    for (let more = true; more; shift += 7) {
      const byte = module[end++] ?? 0;
      size |= (byte & 127) << shift;
      more = byte > 127;
    }
    end += size;
    if (module[at] !== 0) parts.push(module.subarray(at, end));
    at = end;
  }
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}
