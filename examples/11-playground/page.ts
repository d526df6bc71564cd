// The page: connects buttons to the session and the session to the view; when the device is lost it opens another and goes on from the state that the session kept.
import { defaultDevice, DeviceLostError, setDefaultDevice, type Stage } from "pullback";
import { heldOut, train } from "virtual:corpus";
import { defaults, type Config } from "../09-gpt/config.ts";
import { chooseDevice, processor, replaceDevice, type Asked, type Chosen } from "./devices.ts";
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
  keep: numberOf("keep", 25),
  validation: numberOf("validate", 25, 0),
  sample: numberOf("write", 100, 0),
  sharpness: numberOf("sharpness", 200, 0),
};

const asked = (["webgpu", "wasm"] as const satisfies readonly Asked[]).find(d => d === options.get("device"));
const status = element("status"),
  notice = element("notice"),
  toggle = element<HTMLButtonElement>("toggle"),
  restart = element<HTMLButtonElement>("restart"),
  code = element("code"),
  stage = element<HTMLSelectElement>("stage"),
  functional = element<HTMLInputElement>("functional");
let session: Session | undefined,
  wanted = true; // does the user want it to train?

function use({ device, says }: Chosen): void {
  setDefaultDevice(device);
  element("device").textContent = says;
  stage.replaceChildren(...stagesOf().map(s => new Option(s, s, false, s === stage.value)));
}
function show(s: Snapshot): void {
  drawCurves(element("curves"), s);
  drawTable(element("table"), s);
  drawSamples(element("samples"), s);
  status.textContent = `step ${s.step} of ${config.steps}, ${Math.round(s.tokensPerSecond).toLocaleString("en")} tokens a second, ${session?.parameters.toLocaleString("en")} parameters`;
}
async function begin(): Promise<void> {
  notice.textContent = "";
  fruitless = latest = 0;
  await surviving(() => {
    session = undefined; // nothing to restore
    session = new Session(config, { train, heldOut }, every, show);
  });
  await showStage();
  resume();
}
function resume(): void {
  toggle.textContent = "Pause";
  wanted = true;
  surviving(() => (wanted ? session?.run() : undefined)).then(
    () => (toggle.textContent = "Go on"),
    (error: unknown) => {
      toggle.textContent = "Go on";
      status.textContent = `stopped: ${wordsOf(error)}`;
    },
  );
}
const showStage = (): Promise<void> =>
  surviving(() => {
    if (session) code.textContent = stageText(config, session.vocabulary, stage.value as Stage, functional.checked); // the menu holds stages
  });
const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Does `work`, and does it again on another device each time that this one is lost meanwhile. */
async function surviving(work: () => void | Promise<void>): Promise<void> {
  for (;;)
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DeviceLostError) || defaultDevice().kind === "wasm") throw error; // of the processor there is no other
      await (recovery ??= recover(error).finally(() => (recovery = undefined)));
    }
}
let recovery: Promise<void> | undefined, // one for all who find the same device lost
  fruitless = 0, // losses since the session went back to a later state than before: after three of them no more devices of that kind are opened
  latest = 0;
/** Another device, and on it the state that the session kept last. @throws when the address asks for WebGPU and no adapter comes back */
async function recover(error: DeviceLostError): Promise<void> {
  toggle.disabled = restart.disabled = true;
  try {
    await session?.pause(); // what is under way ends with the same error
    const lost = `The device was lost at step ${session?.steps ?? 0} (${error.message.split("\n")[0]}).`;
    notice.textContent = `${lost} Another is being opened.`;
    use(++fruitless <= 3 || asked === "webgpu" ? await replaceDevice(asked) : await processor("since WebGPU was lost again and again"));
    const from = session?.restore() ?? 0;
    if (from > latest) fruitless = 0;
    latest = from;
    notice.textContent = `${lost} Training goes on ${from > 0 ? `from step ${from}, the last that was kept,` : "from the start"} on ${defaultDevice().name}.`;
  } finally {
    toggle.disabled = restart.disabled = false;
  }
}

/** What is live on the device, also while training is paused. */
function showMemory(): void {
  const { live, arrays } = defaultDevice().memory(),
    memory = element("memory");
  memory.textContent = `${(live / 2 ** 20).toFixed(1)} MiB in ${arrays.toLocaleString("en")} tensors on the device`;
  Object.assign(memory.dataset, { live, arrays });
}

toggle.addEventListener("click", () => {
  if (session?.running) {
    wanted = false;
    void session.pause();
  } else resume();
});
restart.addEventListener("click", async () => {
  restart.disabled = toggle.disabled = true;
  await session?.end();
  restart.disabled = toggle.disabled = false;
  await begin();
});
for (const menu of [stage, functional]) menu.addEventListener("change", () => void showStage());
use(await chooseDevice(asked));
setInterval(showMemory, 500);
await begin();
