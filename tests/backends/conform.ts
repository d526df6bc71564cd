// How a backend is held to the reference evaluator: seeded inputs in a sample's domain, one run of the compiled program, and the distance of its
// results from the oracle's, in the table's terms. It decides nothing about which programs are tried.
import { isFloat } from "../../runtime/dtype.ts";
import type { Device } from "../../runtime/device.ts";
import { executableFor } from "../../compiler/execute.ts";
import { fromStorage, toStorage } from "../../compiler/host.ts";
import { sizeOf, type Aval } from "../../compiler/ir/aval.ts";
import type { Func } from "../../compiler/ir/func.ts";
import type { Domain, Sample } from "../../compiler/primitives/samples.ts";
import { evaluate, hostTensor, type EvaluateOptions, type HostTensor } from "../../compiler/reference/evaluate.ts";
import { bind } from "../../compiler/trace/bind.ts";
import { traceClosed } from "../../compiler/trace/trace.ts";
import type { Tolerance } from "./tolerance.ts";
import { numbers } from "../compiler/transforms/numeric.ts";

/** The program that is one application of the sample's primitive. */
export const programOf = (s: Sample): Func => traceClosed((...xs) => bind(s.prim, xs, s.params), s.avals);
/** The sample as a failure names it. */
export const showSample = (s: Sample): string =>
  `${s.prim.name} ${JSON.stringify(s.params, (_, v: unknown) => (typeof v === "bigint" ? `${v}n` : v))} ${s.avals.map(a => `${a.dtype}[${a.shape.join(",")}]`).join(" ")}`;

/** Values of each aval, in its domain or the default of Domain. */
export function valuesFor(avals: readonly Aval[], seed: number, domain: readonly (Domain | null)[] = []): HostTensor[] {
  return avals.map((a, i) => {
    const usual: Domain = isFloat(a.dtype)
      ? { low: -2, high: 2 }
      : a.dtype === "bool"
        ? { low: 0, high: 2, integer: true }
        : { low: a.dtype === "u32" || a.dtype === "u8" ? 0 : -4, high: 5, integer: true };
    const { low, high, integer = false } = domain[i] ?? usual;
    return hostTensor(
      a.dtype,
      a.shape,
      numbers(sizeOf(a.shape), seed + 31 * i, low, high).map(x => (integer ? Math.floor(x) : x)),
    );
  });
}

/** Results of the compiled program, as plain numbers. `donate` gives inputs away. The memory of the run is given back. */
export async function runOn(device: Device, f: Func, args: readonly HostTensor[], donate: readonly boolean[] = []): Promise<number[][]> {
  const exe = executableFor(f, device, { donate });
  const ins = args.map(x => device.upload(x.dtype, toStorage(x.dtype, x.data)));
  const outs = exe.run(ins, donate);
  const read = await Promise.all(outs.map(async (o, i) => Array.from(fromStorage(f.results[i]?.aval.dtype ?? "f32", await o.read()))));
  outs.forEach(o => o.dispose());
  ins.forEach(x => {
    if (!x.released) x.dispose();
  });
  return read;
}

/** Infinities and NaN agree only with themselves, and a zero of the oracle's only with a zero of its sign where the result is a zero. */
const near = (x: number, y: number, allowed: number): boolean =>
  Object.is(x, y) || (Number.isFinite(x) && Number.isFinite(y) && !(x === 0 && y === 0) && Math.abs(x - y) <= allowed * (1 + Math.abs(y)));
/** Float arguments as a device sees them that takes subnormals for zeros. */
const flushed = (args: readonly HostTensor[]): HostTensor[] =>
  args.map(x => (x.dtype === "f32" ? { ...x, data: x.data.map(v => (Math.abs(v) < 2 ** -126 ? Math.sign(v) / Infinity : v)) } : x));
/** How a comparison may be eased. `flush`: a result is also right when it is that of arguments whose subnormals are zeros. */
export type Easing = EvaluateOptions & { readonly flush?: boolean };
/** Sentences about what differs; empty when the backend conforms. */
export async function differences(
  device: Device,
  f: Func,
  args: readonly HostTensor[],
  tolerance: Tolerance,
  options: Easing = {},
  donate: readonly boolean[] = [],
): Promise<string[]> {
  const want = evaluate(f, args, options),
    eased = options.flush === true ? evaluate(f, flushed(args), options) : want,
    got = await runOn(device, f, args, donate);
  return want.flatMap((w, k) => {
    const g = got[k] ?? [],
      allowed = tolerance(w.dtype);
    if (g.length !== w.data.length) return [`result ${k} has ${g.length} elements, not ${w.data.length}`];
    const at = g.findIndex((x, i) => !near(x, w.data[i] ?? NaN, allowed) && !near(x, eased[k]?.data[i] ?? NaN, allowed));
    return at < 0
      ? []
      : [
          `result ${k} ${w.dtype}[${w.shape.join(",")}] at ${at} is ${g[at]}, the oracle's ${w.data[at]} (arguments ${args.map(a => a.data[Math.min(at, a.data.length - 1)]).join(", ")})`,
        ];
  });
}
