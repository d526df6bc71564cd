// WebAssembly, on the calling thread. A function brings its module twice: with relaxed SIMD, whose multiply-adds round once, as those of the library's device do, and
// without, for engines that lack it.
import type { Backend } from "./device.ts";
import { LaunchError } from "./error.ts";
import { unpack, type CompiledFunction, type WasmCode } from "./format.ts";

const PAGE = 65536,
  MOST = 65536; // pages: 4 GiB

/** Opens WebAssembly. */
export async function wasm(): Promise<Backend> {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: MOST }),
    size = (): number => memory.buffer.byteLength;
  return {
    kind: "wasm",
    name: "WebAssembly",
    grow(more) {
      if (more > 0)
        try {
          memory.grow(Math.max(Math.ceil(more / PAGE), Math.min(size() / PAGE / 2, MOST - size() / PAGE)));
        } catch {
          // RangeError: there is no more, which the caller sees by the size
        }
      return size();
    },
    write(at, { buffer, byteOffset, byteLength }) {
      new Uint8Array(memory.buffer, at).set(new Uint8Array(buffer, byteOffset, byteLength));
    },
    read: async (at, bytes) => memory.buffer.slice(at, at + bytes),
    async load(f, allocate) {
      const [code, module] = await variant(f),
        table = allocate(4 * (1 + f.constants.length + f.ins.length + f.outs.length)),
        { exports } = await WebAssembly.instantiate(module, { env: { memory, scratch: allocate(code.scratchBytes) } }),
        run = exports["run"] as (table: number) => void; // the artifact's contract
      return {
        ...code,
        run(ins, outs, arena) {
          new Int32Array(memory.buffer, table).set([arena, ...ins, ...outs]);
          run(table);
          return undefined;
        },
      };
    },
    close() {},
  };
}

/** The first variant that the engine takes. */
async function variant({ name, wasm: variants }: CompiledFunction): Promise<readonly [WasmCode, WebAssembly.Module]> {
  let cause: unknown = `${name} was not compiled for it`;
  for (const code of variants ?? [])
    try {
      return [code, await WebAssembly.compile(await unpack(code.bytes))];
    } catch (e) {
      cause = e;
    }
  throw new LaunchError(
    "E0703",
    `WebAssembly is unavailable: ${String(cause)}`,
    "it needs SIMD, and 'wasm-unsafe-eval' in a page's script-src",
    cause,
  );
}
