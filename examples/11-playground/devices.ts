// Which device the page trains on: WebGPU where there is an adapter, else WebAssembly, with the reason; and another one in the place of one that is lost.
import { device, type Device } from "pullback";

/** A device, and what the page says about it. */
export interface Chosen {
  readonly device: Device;
  readonly says: string;
}
/** What the address asks for: one of them, or the best there is. */
export type Asked = "webgpu" | "wasm" | undefined;

/** @throws E0703 when WebGPU is asked for and there is none */
export async function chooseDevice(asked: Asked): Promise<Chosen> {
  if (asked === "wasm") return processor();
  try {
    const gpu = await device("webgpu");
    return { device: gpu, says: `WebGPU: ${gpu.name}` };
  } catch (error) {
    if (asked === "webgpu") throw error;
    return processor(`since WebGPU is not here: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`);
  }
}
/** The processor, with the reason when it was not the first choice. */
export async function processor(why?: string): Promise<Chosen> {
  const cpu = await device("wasm");
  return { device: cpu, says: `WebAssembly (${cpu.name})${why === undefined ? "" : `, ${why}`}` };
}

const TRIES = 20,
  PAUSE = 250;
/** The same choice after the loss of a WebGPU device: a browser needs a moment to start its GPU process again, so it is asked for some seconds before the processor is taken.
 *  @throws as above */
export async function replaceDevice(asked: Asked): Promise<Chosen> {
  for (let i = 1; i < TRIES; i++) {
    const found = await chooseDevice("webgpu").catch(() => undefined);
    if (found) return found;
    await new Promise(resolve => setTimeout(resolve, PAUSE));
  }
  return chooseDevice(asked);
}
