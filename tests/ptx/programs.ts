// A program as compiled for CUDA, run on the interpreter as plainly as can be: memory given out from the bottom up, the steps walked here, no driver in between.
// It is a Device, so that the suites of tests/backends run on it.
import type { Artifact, DeviceTarget, PtxArtifact } from "../../runtime/artifact.ts";
import type { Device, DeviceArray, Executable, MemoryStats } from "../../runtime/device.ts";
import { byteSize, hostArray, type DType, type HostArray } from "../../runtime/dtype.ts";
import type { ProgramStep, SlotRef } from "../../runtime/program.ts";
import { encodeTensorMap } from "./tensormap.ts";
import { PtxDevice, type PtxDeviceOptions, type PtxModule } from "./device.ts";

/** Bytes that start where no allocation does. */
const ALIGNMENT = 256;

class Region implements DeviceArray {
  readonly device: ProgramDevice;
  readonly dtype: DType;
  readonly elements: number;
  readonly at: number;
  released = false;
  constructor(device: ProgramDevice, dtype: DType, elements: number, at: number) {
    this.device = device;
    this.dtype = dtype;
    this.elements = elements;
    this.at = at;
  }
  dispose(): void {
    if (this.released) return;
    this.released = true;
    this.device.live--;
  }
  readSync(): HostArray {
    const out = hostArray(this.dtype, this.elements);
    new Uint8Array(out.buffer).set(this.device.ptx.memory.subarray(this.at, this.at + out.byteLength));
    return out;
  }
  read(): Promise<HostArray> {
    return Promise.resolve(this.readSync());
  }
}

/** See above. Memory is taken from the bottom again whenever nothing is live. */
export class ProgramDevice implements Device {
  readonly kind = "cuda";
  readonly name = "PTX interpreter";
  readonly mayWait = true;
  readonly target: DeviceTarget;
  readonly ptx: PtxDevice;
  live = 0;
  private top = 0;
  constructor(options: PtxDeviceOptions) {
    this.ptx = new PtxDevice(options);
    this.target = {
      kind: "cuda",
      features: { capability: options.capability, threads: 1024, sharedBytes: 49152, sharedBytesOptIn: 101376, processors: 108 },
    };
  }
  allocate(dtype: DType, elements: number): Region {
    if (this.live === 0) this.top = 0;
    const at = this.top,
      end = at + Math.ceil((elements * byteSize(dtype)) / ALIGNMENT) * ALIGNMENT;
    if (end > this.ptx.memory.length) throw new RangeError(`the interpreter's memory of ${this.ptx.memory.length} bytes is full`);
    this.top = end;
    this.live++;
    return new Region(this, dtype, elements, at);
  }
  upload(dtype: DType, data: HostArray): DeviceArray {
    const a = this.allocate(dtype, data.length);
    this.ptx.memory.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), a.at);
    return a;
  }
  load(artifact: Artifact): Executable {
    if (artifact.kind !== "ptx") throw new TypeError(`an artifact for ${artifact.kind}`);
    const module = this.ptx.load(artifact.text);
    return { run: (ins, donate = []) => run(this, module, artifact, ins as readonly Region[], donate), dispose: () => undefined }; // arrays of this device
  }
  memory(): MemoryStats {
    return { live: this.top, peak: this.top, reserved: this.ptx.memory.length, arrays: this.live };
  }
  sync(): Promise<void> {
    return Promise.resolve();
  }
}

function run(device: ProgramDevice, module: PtxModule, p: PtxArtifact, ins: readonly Region[], donate: readonly boolean[]): DeviceArray[] {
  const { ptx } = device,
    arena = device.allocate("u8", p.arenaBytes);
  const outs = p.outputs.map(o => {
    const from = o.forward ?? (o.donor !== undefined && donate[o.donor] === true ? o.donor : undefined),
      given = from === undefined ? undefined : ins[from];
    if (!given) return device.allocate(o.dtype, o.elements);
    device.live++;
    return new Region(device, o.dtype, o.elements, given.at);
  });
  p.outputs.forEach((o, i) => {
    // a forwarded input that is not given away is copied
    const given = o.forward === undefined ? undefined : ins[o.forward];
    if (!given || donate[o.forward ?? -1] === true) return;
    const copy = device.allocate(o.dtype, o.elements);
    ptx.memory.copyWithin(copy.at, given.at, given.at + o.elements * byteSize(o.dtype));
    device.live--;
    outs[i] = copy;
  });
  const counters = new Map<number, number>();
  const place = ({ slot, base, terms }: SlotRef): number => {
    const s = p.slots[slot];
    if (!s) throw new RangeError(`no slot ${slot}`);
    const home = s.home,
      start = home.kind === "arena" ? arena.at + home.offset : ((home.kind === "input" ? ins : outs)[home.index]?.at ?? NaN);
    return start + terms.reduce((sum, t) => sum + (counters.get(t.counter) ?? 0) * t.stride, base) * byteSize(s.dtype);
  };
  const walk = (steps: readonly ProgramStep<number>[]): void => {
    for (const s of steps)
      switch (s.kind) {
        case "launch": {
          const k = p.kernels[s.kernel];
          if (!k) throw new RangeError(`no kernel ${s.kernel}`);
          ptx.launch(module, k.entry, {
            grid: [k.groups, 1, 1],
            block: [k.threads, 1, 1],
            dynamicSharedBytes: k.dynamicSharedBytes ?? 0,
            params: [
              ...s.args.map(a => ptx.base + BigInt(place(a))),
              ...(k.tensors ?? []).map(t =>
                encodeTensorMap({
                  ...t,
                  address: ptx.base + BigInt(place(s.args[t.param] as SlotRef) + t.offset), // a tensor is an argument's
                  elementBytes: byteSize(t.dtype) as 1 | 2 | 4 | 8,
                  dimensions: t.dims,
                  fill: "zero",
                }),
              ),
            ],
          });
          break;
        }
        case "copy":
          ptx.memory.copyWithin(place(s.to), place(s.from), place(s.from) + s.bytes);
          break;
        case "loop":
          for (let i = 0; i < s.count; i++) {
            counters.set(s.counter, s.reverse ? s.count - 1 - i : i);
            walk(s.body);
          }
          break;
        case "while":
          walk(s.test);
          while (ptx.memory[place(s.pred)] === 1) {
            walk(s.body);
            walk(s.test);
          }
          break;
        default: {
          const i = new DataView(ptx.memory.buffer).getInt32(place(s.index), true);
          walk(s.cases[Math.max(0, Math.min(s.cases.length - 1, i))] ?? []);
        }
      }
  };
  walk(p.steps);
  arena.dispose();
  donate.forEach((given, i) => {
    if (given) ins[i]?.dispose();
  });
  return outs;
}
