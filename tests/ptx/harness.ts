// One instruction on many values: a kernel that loads an operand a thread from each array, executes the text, and stores the result.
import { PtxDevice, type PtxDeviceOptions } from "./device.ts";
import { TYPE_BYTES } from "./text/syntax.ts";

/** Values of a type as the bits they are. */
export interface Values {
  readonly type: string;
  readonly bits: readonly bigint[];
}
const registerOf = (type: string): string => (type === "f32" || type === "f64" ? type : `b${Math.max(16, 8 * (TYPE_BYTES[type] ?? 4))}`);
const memoryOf = (type: string): string => `b${8 * (TYPE_BYTES[type] ?? 4)}`;

/** The module text of such a kernel: %d is the result, %a, %b, … the operands, %p and %q scratch predicates, %t0 … %t3 scratch words. */
export function instructionKernel(text: string, result: string, types: readonly string[], capability: number): string {
  const names = types.map((_, i) => "abcefgh"[i] ?? "h"),
    version = capability >= 100 ? "8.6" : capability >= 90 ? "8.6" : "7.8";
  return `.version ${version}
.target sm_${capability}${capability >= 90 ? "a" : ""}
.address_size 64
.visible .entry k(.param .u64 out${names.map(n => `, .param .u64 in_${n}`).join("")})
{
  .reg .pred %p, %q; .reg .b32 %i, %t<4>; .reg .b64 %at, %base;
  .reg .${registerOf(result)} %d;
  ${names.map((n, i) => `.reg .${registerOf(types[i] ?? "b32")} %${n};`).join(" ")}
  mov.u32 %i, %ctaid.x; mad.lo.u32 %i, %i, 32, %tid.x;
  ${names
    .map(
      (n, i) =>
        `ld.param.u64 %base, [in_${n}]; mad.wide.u32 %at, %i, ${TYPE_BYTES[types[i] ?? "b32"] ?? 4}, %base; ld.global.${memoryOf(types[i] ?? "b32")} %${n}, [%at];`,
    )
    .join("\n  ")}
  ${text}
  ld.param.u64 %base, [out]; mad.wide.u32 %at, %i, ${TYPE_BYTES[result] ?? 4}, %base; st.global.${memoryOf(result)} [%at], %d;
}
`;
}
/** The results, as bits, of the instruction(s) in `text`. */
export function evaluate(text: string, result: string, args: readonly Values[], options: Partial<PtxDeviceOptions> = {}): bigint[] {
  const n = args[0]?.bits.length ?? 32,
    capability = options.capability ?? 90,
    device = new PtxDevice({ bytes: 1 << 16, races: true, ...options, capability }),
    room = Math.ceil((n * 8) / 256) * 256,
    view = new DataView(device.memory.buffer);
  args.forEach((a, k) => a.bits.forEach((x, i) => write(view, room * (k + 1) + i * (TYPE_BYTES[a.type] ?? 4), TYPE_BYTES[a.type] ?? 4, x)));
  const text1 = instructionKernel(
    text,
    result,
    args.map(a => a.type),
    capability,
  );
  device.launch(device.load(text1), "k", {
    grid: [Math.ceil(n / 32), 1, 1],
    block: [32, 1, 1],
    dynamicSharedBytes: 0,
    params: Array.from({ length: args.length + 1 }, (_, k) => device.base + BigInt(room * k)),
  });
  return Array.from({ length: n }, (_, i) => read(view, i * (TYPE_BYTES[result] ?? 4), TYPE_BYTES[result] ?? 4));
}
function write(v: DataView, at: number, bytes: number, x: bigint): void {
  for (let i = 0; i < bytes; i++) v.setUint8(at + i, Number((x >> BigInt(8 * i)) & 255n));
}
function read(v: DataView, at: number, bytes: number): bigint {
  let x = 0n;
  for (let i = 0; i < bytes; i++) x |= BigInt(v.getUint8(at + i)) << BigInt(8 * i);
  return x;
}

const scratch = new DataView(new ArrayBuffer(8));
/** The bits of an f32. */
export function f32(x: number): bigint {
  scratch.setFloat32(0, x);
  return x !== x ? 0x7fffffffn : BigInt(scratch.getUint32(0));
}
/** The bits of an f64. */
export function f64(x: number): bigint {
  scratch.setFloat64(0, x);
  return x !== x ? 0x7ff8000000000000n : scratch.getBigUint64(0);
}
/** The f32 of these bits. */
export function fromF32(b: bigint): number {
  scratch.setUint32(0, Number(b));
  return scratch.getFloat32(0);
}
/** The f64 of these bits. */
export function fromF64(b: bigint): number {
  scratch.setBigUint64(0, b);
  return scratch.getFloat64(0);
}
/** Values of `type`, from numbers (f32, f64) or whole numbers (cut to the type). */
export function values(type: string, xs: readonly (number | bigint)[]): Values {
  const bits = 8 * (TYPE_BYTES[type] ?? 4);
  return {
    type,
    bits: xs.map(x =>
      typeof x === "number" && type === "f32" ? f32(x) : typeof x === "number" && type === "f64" ? f64(x) : BigInt.asUintN(bits, BigInt(x)),
    ),
  };
}

/** A kernel from its statements. Global memory begins with `words`; %out is its address, %tid the thread; registers %r, %rd, %f, %h, %p, %fd are there in plenty. */
export interface Body {
  readonly words?: ArrayLike<number>;
  readonly block?: number;
  readonly grid?: number;
  readonly cluster?: number;
  /** Declarations before the kernel. */
  readonly before?: string;
  readonly dynamicSharedBytes?: number;
  /** A tensor map, passed as the parameter `map`. */
  readonly map?: (device: PtxDevice) => Uint8Array;
  readonly device?: Partial<PtxDeviceOptions>;
}
/** Runs it; global memory afterwards. @throws PtxError, PtxFault */
export function runBody(statements: string, o: Body = {}): DataView {
  const device = new PtxDevice({ bytes: 1 << 16, races: true, limit: 200_000, ...o.device, capability: o.device?.capability ?? 90 }),
    view = new DataView(device.memory.buffer),
    target =
      device.memory.length > 0 && (o.device?.capability ?? 90) >= 90
        ? ".version 8.6\n.target sm_90a"
        : `.version 7.8\n.target sm_${o.device?.capability ?? 90}`;
  Array.from(o.words ?? []).forEach((x, i) => view.setUint32(4 * i, x, true));
  const text = `${target}
.address_size 64
${o.before ?? ""}
.visible .entry k(.param .u64 out${o.map ? ", .param .align 64 .b8 map[128]" : ""})
{
  .reg .b32 %r<40>; .reg .b64 %rd<20>; .reg .f32 %f<130>; .reg .f64 %fd<8>; .reg .b16 %h<8>; .reg .pred %p<8>; .reg .b64 %out, %me; .reg .b32 %tid;
  ld.param.u64 %out, [out]; mov.u32 %tid, %tid.x; mad.wide.u32 %me, %tid, 4, %out;
  ${statements}
}
`;
  device.launch(device.load(text), "k", {
    grid: [o.grid ?? 1, 1, 1],
    block: [o.block ?? 32, 1, 1],
    cluster: [o.cluster ?? 1, 1, 1],
    dynamicSharedBytes: o.dynamicSharedBytes ?? 0,
    params: [device.base, ...(o.map ? [o.map(device)] : [])],
  });
  return view;
}
/** The words from byte `at` on. */
export const wordsAt = (v: DataView, at: number, n: number): number[] => Array.from({ length: n }, (_, i) => v.getUint32(at + 4 * i, true));
/** The f32 from byte `at` on. */
export const floatsAt = (v: DataView, at: number, n: number): number[] =>
  Array.from({ length: n }, (_, i) => v.getFloat32(at + 4 * i, true));
