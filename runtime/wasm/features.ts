// What this engine can do, found by asking it: tiny modules validate or do not. In Node, flags that must be set before anything is
// compiled are set here, once, when the first device is made.
import type { WasmFeatures } from "../artifact.ts";
import { pairingPays, pairVectors, type ProbeHost } from "./probe.ts";

/** Choices a user may force; absent means: detect. */
export interface FeatureOptions {
  readonly fma?: boolean;
  /** 256-bit vectors, by V8's revectorizer: an experimental flag for the whole process, tried in Node from 24 on. `false`: this device neither tries nor uses it. */
  readonly wide?: boolean;
  readonly threads?: boolean;
}

// (module (func (result v128) v128.const 0 v128.const 0 v128.const 0 f32x4.relaxed_madd))
const zero = [0xfd, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const body = [0x00, ...zero, ...zero, ...zero, 0xfd, 0x85, 0x02, 0x0b];
const relaxedModule = Uint8Array.of(
  0,
  0x61,
  0x73,
  0x6d,
  1,
  0,
  0,
  0,
  1,
  5,
  1,
  0x60,
  0,
  1,
  0x7b,
  3,
  2,
  1,
  0,
  10,
  body.length + 2,
  1,
  body.length,
  ...body,
);

let detected: WasmFeatures | undefined;
let pays: boolean | undefined;
/** The engine's features (memoised), overridden by `options`. Whether vectors pair with profit is measured, once, for the first device that may use it. */
export function wasmFeatures(options: FeatureOptions = {}): WasmFeatures {
  detected ??= detect();
  if (options.wide === true && canPair()) pairVectors(setV8Flags);
  const wide = options.wide ?? (pays ??= canPair() && pairingPays(v8Host()));
  return { fma: options.fma ?? detected.fma, wide, threads: options.threads ?? detected.threads };
}

function detect(): WasmFeatures {
  const major = nodeMajor();
  if (major !== undefined && major <= 20) setV8Flags("--experimental-wasm-relaxed-simd");
  if (!baselineFirst()) setV8Flags("--no-liftoff"); // compile at the top tier at once
  return { fma: WebAssembly.validate(relaxedModule), wide: false, threads: canThread() };
}
/** From Node 25 on `--no-liftoff` aborts the process: functions start in the baseline compiler there, as in other engines. */
const baselineFirst = (): boolean => (nodeMajor() ?? Infinity) >= 25;
/** Earlier than Node 24, V8 warns that it does not know the flag (20) or gains nothing in products (22). */
const canPair = (): boolean => (nodeMajor() ?? 0) >= 24;
const v8Host = (): ProbeHost => ({ set: setV8Flags, now: () => performance.now(), baselineFirst: baselineFirst() });
function canThread(): boolean {
  if (typeof SharedArrayBuffer === "undefined") return false;
  if (nodeMajor() !== undefined) return true;
  return typeof crossOriginIsolated === "boolean" && crossOriginIsolated; // else the memory may not be sent to another thread
}
/** Node's major version, or undefined elsewhere. */
export function nodeMajor(): number | undefined {
  return typeof process !== "undefined" && process.versions?.node !== undefined && typeof process.getBuiltinModule === "function"
    ? Number(process.versions.node.split(".")[0])
    : undefined;
}
function setV8Flags(...flags: readonly string[]): void {
  if (nodeMajor() === undefined) return;
  const v8 = process.getBuiltinModule("node:v8");
  for (const f of flags) v8.setFlagsFromString(f);
}
