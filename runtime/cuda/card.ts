// From "a driver is there" to "this card is ours": what must hold before anything runs, each failure with its reason.
import type { PtxFeatures } from "../artifact.ts";
import { PullbackError } from "../errors/error.ts";
import type { Calls } from "./calls.ts";
import { attribute } from "./driver.ts";
import { CudaError } from "./error.ts";

/** A card with its context. */
export interface Card {
  readonly name: string;
  readonly context: bigint;
  readonly features: PtxFeatures;
  readonly facts: CardFacts;
  dispose(): void;
}
/** What is worth knowing about a card beside what code is made for. */
export interface CardFacts {
  readonly driverVersion: number;
  readonly capability: number;
  readonly memoryBytes: number;
}

/** Instruction sets that code is made for; a card runs the newest that is not newer than itself. */
const CAPABILITIES = [75, 80, 89, 90, 100] as const;
/** CUDA 12.0: cluster launches, tensor maps, second versions of graph calls. From capability 100 on the assembler must know PTX 8.6. */
const OLDEST_DRIVER = 12000,
  OLDEST_FOR_100 = 12080;

/** @throws E0703 with the reason */
export function openCard(calls: Calls, ordinal: number): Card {
  const int = new Int32Array(1),
    long = new BigUint64Array(1);
  const refuse = (reason: string, help: string, cause?: unknown): never => {
    throw new PullbackError("E0703", `the device "cuda" is unavailable: ${reason}`, { help, ...(cause === undefined ? {} : { cause }) });
  };
  const first = (act: () => void, help: string): void => {
    try {
      act();
    } catch (e) {
      if (e instanceof CudaError)
        refuse(`${e.facts.call} returned ${e.message.slice(e.message.indexOf(String(e.facts.result)))}`.split("\n")[0] ?? "", help, e);
      throw e;
    }
  };
  const ask = (what: number): number => {
    calls.do("cuDeviceGetAttribute", "asking what the card can do", int, what, device);
    return int[0] ?? 0;
  };
  first(() => calls.do("cuInit", "starting the driver", 0), "look at nvidia-smi: is there a card, and does the driver see it?");
  calls.do("cuDriverGetVersion", "asking for the driver's version", int);
  const driverVersion = int[0] ?? 0;
  if (driverVersion < OLDEST_DRIVER)
    refuse(`the driver is for CUDA ${versionText(driverVersion)}, 12.0 is needed`, "install driver 525 or newer");
  calls.do("cuDeviceGetCount", "counting cards", int);
  const count = int[0] ?? 0;
  if (ordinal >= count)
    refuse(count === 0 ? "the driver sees no card" : `there is no card ${ordinal}, only ${count}`, "look at nvidia-smi -L");
  calls.do("cuDeviceGet", "choosing a card", int, ordinal);
  const device = int[0] ?? 0,
    label = new Uint8Array(256);
  calls.do("cuDeviceGetName", "asking for the card's name", label, label.length, device);
  const name = new TextDecoder().decode(label.subarray(0, label.indexOf(0)));
  const capability = 10 * ask(attribute.capabilityMajor) + ask(attribute.capabilityMinor),
    known = CAPABILITIES.findLast(c => c <= capability);
  if (known === undefined) return refuse(`${name} has compute capability ${capability / 10}, 7.5 is needed`, "use a card of 2018 or newer");
  if (known >= 100 && driverVersion < OLDEST_FOR_100)
    refuse(`the driver is for CUDA ${versionText(driverVersion)}, ${name} needs 12.8`, "install driver 570 or newer");
  const features: PtxFeatures = {
    capability: known,
    threads: ask(attribute.maxThreadsPerBlock),
    sharedBytes: ask(attribute.maxSharedPerBlock),
    sharedBytesOptIn: ask(attribute.maxSharedPerBlockOptIn),
    processors: ask(attribute.multiprocessors),
  };
  calls.do("cuDeviceTotalMem", "asking for the card's memory", long, device);
  const memoryBytes = Number(long[0]);
  first(
    () => calls.do("cuDevicePrimaryCtxRetain", "making a context", long, device),
    "another process may hold the card for itself, or its memory may be full",
  );
  const context = long[0] ?? 0n;
  calls.enter(context);
  return {
    name: `cuda:${ordinal} (${name}, sm_${capability})`,
    context,
    features,
    facts: { driverVersion, capability, memoryBytes },
    dispose: () => calls.free("cuDevicePrimaryCtxRelease", "closing the device", device),
  };
}
const versionText = (v: number): string => `${Math.floor(v / 1000)}.${Math.floor((v % 1000) / 10)}`;
