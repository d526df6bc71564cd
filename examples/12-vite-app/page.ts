// The page: trains, says where, and draws what the model believes. `?device=wasm` leaves the GPU alone, `?steps=200` trains shorter, `?batch=255` shows an error.
import { openDevice, wasm, webgpu } from "pullback/compiled";
import { SIDE, train, type Progress } from "./train.ts";

const element = <E extends Element>(id: string): E => document.getElementById(id) as unknown as E; // of index.html
const asked = new URLSearchParams(location.search);
const say = (id: string, text: string): void => {
  element(id).textContent = text;
};

function draw({ step, loss, accuracy, picture }: Progress): void {
  say("status", `step ${step}: loss ${loss.toFixed(4)}, ${(100 * accuracy).toFixed(1)} % of new points right`);
  const context = element<HTMLCanvasElement>("picture").getContext("2d");
  const pixels = new ImageData(SIDE, SIDE);
  picture.forEach((score, i) => {
    const share = 1 / (1 + Math.exp(-score));
    pixels.data.set([60 + 180 * share, 110, 240 - 180 * share, 255], 4 * i);
  });
  context?.putImageData(pixels, 0, 0);
}

try {
  const device = await (asked.get("device") === "wasm" ? openDevice(wasm) : openDevice(webgpu, wasm));
  say("device", device.reason === undefined ? device.name : `${device.name}, since ${device.reason}`);
  const began = performance.now();
  await train(Number(asked.get("steps") ?? 1500), 50, draw, Number(asked.get("batch") ?? 256));
  say("device", `${element("device").textContent ?? ""}: ${Math.round(performance.now() - began)} ms`);
  document.body.dataset["done"] = "yes";
} catch (error) {
  say("status", error instanceof Error ? error.message : String(error));
  document.body.dataset["done"] = "failed";
  throw error;
}
