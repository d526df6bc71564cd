// Operations made one by one: the way of a part's first run, and of parts whose places change from turn to turn.
import { InternalError, unreachable } from "../errors/error.ts";
import type { PtxTensor } from "../artifact.ts";
import type { Calls } from "./calls.ts";
import type { LoadedKernel } from "./modules.ts";
import type { NativePage } from "./page.ts";
import type { Operation, Place } from "./plan.ts";
import type { Profile } from "./profile.ts";
import { clusterAttribute, launchConfig } from "./structs.ts";
import { encodeTensorMap } from "./tensormap.ts";

/** Where each slot of a program is in this call, and the turns of the loops being walked. */
export interface Addresses {
  readonly slots: Float64Array;
  readonly turns: ReadonlyMap<number, number>;
}
/** The address of a place. */
export function addressOf(p: Place, { slots, turns }: Addresses): number {
  const start = slots[p.slot];
  if (start === undefined) throw new InternalError(`slot ${p.slot} has no address`);
  return p.terms.reduce((sum, t) => sum + t.stride * (turns.get(t.counter) ?? 0), start + p.offset);
}

/** Enqueues operations on the device's stream. */
export class Launcher {
  readonly calls: Calls;
  readonly page: NativePage;
  readonly stream: bigint;
  /** Times every launch while there is one. */
  profile: Profile | undefined;

  constructor(calls: Calls, page: NativePage, stream: bigint) {
    this.calls = calls;
    this.page = page;
    this.stream = stream;
  }
  /** Make the parameters of a launch ready on the page. */
  setParams(args: readonly Place[], tensors: readonly PtxTensor[], at: Addresses): void {
    const { page, calls } = this;
    for (let i = 0; i < args.length; i++) page.set(i, addressOf(args[i] as Place, at)); // i is in range
    for (const [n, t] of tensors.entries())
      encodeTensorMap(calls, page.tensor(args.length + n, n), addressOf(args[t.param] as Place, at) + t.offset, t); // a tensor is an argument's
  }
  /** Enqueue one operation. */
  enqueue(o: Operation, kernels: readonly LoadedKernel[], at: Addresses): void {
    const { calls, stream } = this;
    switch (o.kind) {
      case "launch": {
        const k = kernelOf(kernels, o.kernel);
        this.setParams(o.args, k.tensors, at);
        if (this.profile) this.profile.time(k, () => this.launch(k));
        else this.launch(k);
        break;
      }
      case "copy":
        calls.do("cuMemcpyDtoDAsync", `copying ${o.bytes} bytes`, addressOf(o.to, at), addressOf(o.from, at), o.bytes, stream);
        break;
      default:
        unreachable(o);
    }
  }

  private launch({ name, fn, shape }: LoadedKernel): void {
    const { calls, page, stream } = this,
      { grid, block, dynamicSharedBytes, cluster } = shape,
      doing = `launching ${name}`;
    if (cluster === 1) return calls.do("cuLaunchKernel", doing, fn, grid, 1, 1, block, 1, 1, dynamicSharedBytes, stream, page.params, 0n);
    page.attribute.bytes.set(clusterAttribute(cluster));
    calls.do("cuLaunchKernelEx", doing, launchConfig(shape, stream, page.attribute.pointer), fn, page.params, 0n);
  }
}
/** Kernel `n` of a program. */
export function kernelOf(kernels: readonly LoadedKernel[], n: number): LoadedKernel {
  const k = kernels[n];
  if (!k) throw new InternalError(`a launch of kernel ${n}, the program has ${kernels.length}`);
  return k;
}
