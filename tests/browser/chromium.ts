// Starts Debian's Chromium without a window and without a network, by playwright-core; with WebGPU on SwiftShader, a Vulkan driver on the CPU.
import { chromium, type Browser } from "playwright-core";

/** Flags for every start: nothing leaves the machine, and root may start it. */
const always = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];
/** WebGPU without a GPU. */
const swiftshader = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"];

/** `gpu`: pages find an adapter at navigator.gpu. */
export interface LaunchOptions {
  readonly gpu?: boolean;
}

/** Starts the Chromium at `path`. Close it, or dispose of it with `await using`. */
export function launch(path: string, { gpu = false }: LaunchOptions = {}): Promise<Browser> {
  return chromium.launch({
    executablePath: path,
    headless: true,
    args: [...always, ...(gpu ? swiftshader : ["--disable-gpu"])],
    timeout: 60_000,
  });
}

/** The browser's GPU process crashes, and only that: pages lose their devices, and the browser starts another. */
export async function crashGpuProcess(browser: Browser): Promise<void> {
  const session = await browser.newBrowserCDPSession();
  await session.send("Browser.crashGpuProcess").catch(() => undefined); // there may be no answer
  await session.detach().catch(() => undefined);
}
