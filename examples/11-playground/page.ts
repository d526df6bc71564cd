// The page: chooses the device, connects buttons to the session and the session to the view.
import { defaultDevice, device, setDefaultDevice, type Device, type Stage } from "pullback";
import { heldOut, train } from "virtual:corpus";
import { defaults, type Config } from "../09-gpt/config.ts";
import { Session, type Every, type Snapshot } from "./session.ts";
import { stagesOf, stageText } from "./stages.ts";
import { drawCurves, drawSamples, drawTable } from "./view.ts";

const element = <E extends HTMLElement>(id: string): E => {
  const e = document.getElementById(id);
  if (!e) throw new Error(`the page has no #${id}`);
  return e as E; // the document says which kind
};
const options = new URLSearchParams(location.search);
const numberOf = (name: string, otherwise: number, least = 1): number => {
  const text = options.get(name),
    n = Number(text);
  return text !== null && Number.isInteger(n) && n >= least ? n : otherwise;
};
/** The query of the address may ask for other sizes: ?steps=200&dim=32&layers=1&context=32&batch=4&device=wasm */
const config: Config = {
  ...defaults,
  methods: ["adamw", "sam", "fsam"],
  steps: numberOf("steps", 1500),
  layers: numberOf("layers", 2),
  dim: numberOf("dim", 64),
  context: numberOf("context", 64),
  batch: numberOf("batch", 8),
  sampleLength: 120,
};
const every: Every = {
  validation: numberOf("validate", 25, 0),
  sample: numberOf("write", 100, 0),
  sharpness: numberOf("sharpness", 200, 0),
};

const status = element("status"),
  toggle = element<HTMLButtonElement>("toggle"),
  restart = element<HTMLButtonElement>("restart"),
  code = element("code"),
  stage = element<HTMLSelectElement>("stage"),
  functional = element<HTMLInputElement>("functional");
let session: Session | undefined;

/** WebGPU where there is an adapter; otherwise the page says why, and uses the processor. */
async function chooseDevice(): Promise<Device> {
  const say = (text: string): void => {
    element("device").textContent = text;
  };
  const asked = options.get("device");
  if (asked !== "wasm") {
    try {
      const gpu = await device("webgpu");
      say(`WebGPU: ${gpu.name}`);
      return gpu;
    } catch (error) {
      if (asked === "webgpu") throw error;
      const why = error instanceof Error ? error.message.split("\n")[0] : String(error);
      const cpu = await device("wasm");
      say(`WebAssembly (${cpu.name}), since WebGPU is not here: ${why}`);
      return cpu;
    }
  }
  const cpu = await device("wasm");
  say(`WebAssembly (${cpu.name})`);
  return cpu;
}

function show(s: Snapshot): void {
  drawCurves(element("curves"), s);
  drawTable(element("table"), s);
  drawSamples(element("samples"), s);
  status.textContent = `step ${s.step} of ${config.steps}, ${Math.round(s.tokensPerSecond).toLocaleString("en")} tokens a second, ${session?.parameters.toLocaleString("en")} parameters`;
}
function begin(): void {
  session = new Session(config, { train, heldOut }, every, show);
  showStage();
  resume();
}
function resume(): void {
  toggle.textContent = "Pause";
  session?.run().then(
    () => (toggle.textContent = "Go on"),
    (error: unknown) => {
      toggle.textContent = "Go on";
      status.textContent = `stopped: ${error instanceof Error ? error.message : String(error)}`;
    },
  );
}
function showStage(): void {
  if (session) code.textContent = stageText(config, session.vocabulary, stage.value as Stage, functional.checked); // the menu holds stages
}

/** What is live on the device, also while training is paused. */
function showMemory(): void {
  const { live, arrays } = defaultDevice().memory(),
    memory = element("memory");
  memory.textContent = `${(live / 2 ** 20).toFixed(1)} MiB in ${arrays.toLocaleString("en")} tensors on the device`;
  Object.assign(memory.dataset, { live, arrays });
}

toggle.addEventListener("click", () => {
  if (session?.running) void session.pause();
  else resume();
});
restart.addEventListener("click", async () => {
  await session?.end();
  begin();
});
stage.addEventListener("change", showStage);
functional.addEventListener("change", showStage);
setDefaultDevice(await chooseDevice());
setInterval(showMemory, 500);
stage.replaceChildren(...stagesOf().map(s => new Option(s, s)));
begin();
