// What this engine can do, found by asking it: tiny modules validate or do not. In Node, flags that must be set before anything is
// compiled are set here, once, when the first device is made.
import type { WasmFeatures } from "../artifact.ts";

/** Choices a user may force; absent means: detect. */
export interface FeatureOptions {
  readonly fma?: boolean;
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
/** The engine's features (memoised), overridden by `options`. `wide` (V8's 256-bit revectorizer) is an experimental engine flag: only on request. */
export function wasmFeatures(options: FeatureOptions = {}): WasmFeatures {
  detected ??= detect();
  if (options.wide === true) setV8Flags(["--experimental-wasm-revectorize"]);
  return { fma: options.fma ?? detected.fma, wide: options.wide ?? false, threads: options.threads ?? detected.threads };
}

function detect(): WasmFeatures {
  const major = nodeMajor();
  if (major !== undefined && major <= 20) setV8Flags(["--experimental-wasm-relaxed-simd"]);
  if (major !== undefined && major < 25) setV8Flags(["--no-liftoff"]); // compile at the top tier at once; from 25 on the flag aborts
  return { fma: WebAssembly.validate(relaxedModule), wide: false, threads: canThread() };
}
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
function setV8Flags(flags: readonly string[]): void {
  if (nodeMajor() === undefined) return;
  const v8 = process.getBuiltinModule("node:v8");
  for (const f of flags) v8.setFlagsFromString(f);
}
