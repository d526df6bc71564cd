// Runs finished programs: compiles a Func for the device of its inputs, keeps the executable, calls it. The one place where the compiler meets a device.
import type { Device, DeviceArray, Executable } from "../runtime/device.ts";
import { defaultDevice } from "../runtime/devices.ts";
import { InternalError, PullbackError } from "../runtime/errors/error.ts";
import { compile, type CompileOptions } from "./compile.ts";
import { showAval, type Aval } from "./ir/aval.ts";
import type { Func } from "./ir/func.ts";
import { toStorage } from "./host.ts";
import { Tensor } from "./trace/tensor.ts";
import { loadTuned } from "./tune.ts";

const compiled = new WeakMap<Func, Map<Device, Executable>>(); // lives as long as the Func does
/** The executable of `func` on `device`, compiled at first use. */
export function executableFor(func: Func, device: Device, options: CompileOptions = {}): Executable {
  let byDevice = compiled.get(func);
  if (!byDevice) compiled.set(func, (byDevice = new Map()));
  const known = byDevice.get(device),
    programs = byDevice,
    { tuning } = device;
  if (known) return known;
  const exe = tuning
    ? loadTuned(
        device,
        tuning,
        choose => compile(func, device.target, { ...options, choose }),
        better => {
          programs.get(device)?.dispose();
          programs.set(device, better);
        },
      )
    : device.load(compile(func, device.target, options));
  programs.set(device, exe);
  return exe;
}

/** The device that holds `xs`: that of the first concrete tensor with memory, else the default. */
export function deviceOf(xs: readonly Tensor[]): Device {
  for (const x of xs) if (x.storage.kind === "concrete") return x.storage.array.device;
  return defaultDevice();
}

/** A tensor over device memory. */
export const concrete = (a: Aval, array: DeviceArray): Tensor => new Tensor(a, { kind: "concrete", array });

/** Run `exe` on `inputs`; literal numbers are uploaded for the call. `avals` are the results'. @throws E0102 for a leaked tracer */
export function runExecutable(
  exe: Executable,
  device: Device,
  inputs: readonly Tensor[],
  avals: readonly Aval[],
  donate: readonly boolean[] = [],
): Tensor[] {
  const temporary: DeviceArray[] = [];
  const arrays = inputs.map(x => {
    const s = x.storage;
    if (s.kind === "concrete") return s.array;
    if (s.atom.kind !== "lit")
      throw new PullbackError("E0102", `a traced tensor ${showAval(x.aval)} is used outside the function that was traced`, {
        help: "return it from the traced function instead of storing it outside",
      });
    const a = device.upload(x.dtype, toStorage(x.dtype, [s.atom.value]));
    temporary.push(a);
    return a;
  });
  let outs: DeviceArray[];
  try {
    outs = exe.run(arrays, donate);
  } finally {
    for (const t of temporary) t.dispose();
  }
  if (outs.length !== avals.length) throw new InternalError(`a program of ${avals.length} results gave ${outs.length}`);
  return outs.map((o, i) => concrete(avals[i] as Aval, o)); // lengths agree
}

/** Compile (once) and run `func` on `inputs`, one per parameter. */
export function runFunc(func: Func, inputs: readonly Tensor[]): Tensor[] {
  const device = deviceOf(inputs);
  return runExecutable(
    executableFor(func, device),
    device,
    inputs,
    func.results.map(r => r.aval),
  );
}
