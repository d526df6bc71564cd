// A straight part as a CUDA graph: built once, node after node, then a whole step is one driver call. The nodes hold addresses. When a call's buffers are
// others than the last call's, the nodes that use them are changed in place; work already enqueued is not affected. A step without donation goes back and
// forth between two sets of buffers, so there may be two instances, each for its set: then nothing needs changing.
// (A table of addresses in device memory would never need changing, but every kernel would begin with a dependent load for each operand.)
// The graph is one chain: launches that do not depend on one another were made one grid when the program was cut into kernels (`lower/tile/merge`).
import { unreachable } from "../errors/error.ts";
import type { Calls } from "./calls.ts";
import { LAUNCH_CLUSTER } from "./driver.ts";
import { addressOf, kernelOf, type Addresses, type Launcher } from "./launcher.ts";
import type { LoadedKernel } from "./modules.ts";
import type { Operation } from "./plan.ts";
import { clusterValue, copyNode, kernelNode } from "./structs.ts";

interface Instance {
  readonly exec: bigint;
  readonly slots: Float64Array;
}
const MOST_INSTANCES = 2;
const NO_TURNS: ReadonlyMap<number, number> = new Map();

/** One part of one program, recorded. */
export class Recording {
  private readonly launcher: Launcher;
  private readonly calls: Calls;
  private readonly context: bigint;
  private readonly kernels: readonly LoadedKernel[];
  private readonly operations: readonly Operation[];
  private readonly users = new Map<number, number[]>(); // slot -> numbers of the operations that use it
  private graph: { readonly handle: bigint; readonly nodes: readonly bigint[]; readonly slots: Float64Array } | undefined;
  private readonly instances: Instance[] = []; // last used first

  constructor(launcher: Launcher, context: bigint, kernels: readonly LoadedKernel[], operations: readonly Operation[]) {
    this.launcher = launcher;
    this.calls = launcher.calls;
    this.context = context;
    this.kernels = kernels;
    this.operations = operations;
    operations.forEach((o, n) => {
      for (const slot of new Set((o.kind === "launch" ? o.args : [o.from, o.to]).map(p => p.slot))) {
        const list = this.users.get(slot);
        if (list) list.push(n);
        else this.users.set(slot, [n]);
      }
    });
  }
  /** Enqueue the whole part. */
  launch(slots: Float64Array): void {
    this.calls.do("cuGraphLaunch", `replaying ${this.operations.length} operations`, this.instance(slots).exec, this.launcher.stream);
  }
  /** Give the graph back. */
  dispose(): void {
    for (const i of this.instances.splice(0)) this.calls.free("cuGraphExecDestroy", "giving a graph back", i.exec);
    if (this.graph) this.calls.free("cuGraphDestroy", "giving a graph back", this.graph.handle);
    this.graph = undefined;
  }

  /** An instance whose nodes hold these addresses: one that does, a new one if there may be one more, or the one unused the longest, changed. */
  private instance(slots: Float64Array): Instance {
    const distances = this.instances.map(i => this.changed(i.slots, slots).length),
      best = distances.indexOf(Math.min(...distances));
    const few = (distances[best] ?? Infinity) * 8 <= this.operations.length; // cheaper to change than to make
    const at = best >= 0 && (distances[best] === 0 || few) ? best : this.instances.length < MOST_INSTANCES ? -1 : this.instances.length - 1;
    const found = at < 0 ? this.instantiate(slots) : this.instances[at];
    if (!found) return this.instantiate(slots);
    if (at > 0) this.instances.splice(0, 0, ...this.instances.splice(at, 1));
    this.change(found, slots);
    return found;
  }
  private instantiate(slots: Float64Array): Instance {
    const graph = (this.graph ??= this.build(slots)),
      out = new BigUint64Array(1);
    this.calls.do("cuGraphInstantiateWithFlags", `making a graph of ${this.operations.length} operations`, out, graph.handle, 0);
    const made: Instance = { exec: out[0] ?? 0n, slots: graph.slots.slice() };
    this.instances.unshift(made);
    return made;
  }
  private build(slots: Float64Array): NonNullable<Recording["graph"]> {
    const { calls } = this,
      out = new BigUint64Array(1),
      doing = `recording ${this.operations.length} operations`,
      at: Addresses = { slots, turns: NO_TURNS };
    calls.do("cuGraphCreate", doing, out, 0);
    const handle = out[0] ?? 0n,
      nodes: bigint[] = [];
    try {
      for (const o of this.operations) {
        const last = nodes.at(-1),
          after = BigUint64Array.of(last ?? 0n),
          count = last === undefined ? 0 : 1;
        switch (o.kind) {
          case "launch": {
            const k = kernelOf(this.kernels, o.kernel);
            calls.do("cuGraphAddKernelNode", doing, out, handle, after, count, this.kernelNode(o, at));
            if (k.shape.cluster > 1)
              calls.do("cuGraphKernelNodeSetAttribute", doing, out[0] ?? 0n, LAUNCH_CLUSTER, clusterValue(k.shape.cluster));
            break;
          }
          case "copy":
            calls.do("cuGraphAddMemcpyNode", doing, out, handle, after, count, this.copyNode(o, at), this.context);
            break;
          default:
            unreachable(o);
        }
        nodes.push(out[0] ?? 0n);
      }
    } catch (e) {
      calls.free("cuGraphDestroy", "giving a graph back", handle);
      throw e;
    }
    return { handle, nodes, slots: slots.slice() };
  }
  private kernelNode(o: Extract<Operation, { kind: "launch" }>, at: Addresses): Uint8Array {
    const k = kernelOf(this.kernels, o.kernel);
    this.launcher.setParams(o.args, k.tensors, at);
    return kernelNode(k.fn, k.shape, this.launcher.page.params);
  }
  private copyNode(o: Extract<Operation, { kind: "copy" }>, at: Addresses): Uint8Array {
    return copyNode(addressOf(o.to, at), addressOf(o.from, at), o.bytes);
  }
  /** Numbers of the operations whose addresses differ, in order. */
  private changed(from: Float64Array, to: Float64Array): number[] {
    const all = new Set<number>();
    for (const [slot, list] of this.users) if (from[slot] !== to[slot]) for (const n of list) all.add(n);
    return [...all].toSorted((a, b) => a - b);
  }
  /** Bring the nodes of an instance to these addresses. An instance that is changed by half is given up. */
  private change(instance: Instance, slots: Float64Array): void {
    const at: Addresses = { slots, turns: NO_TURNS },
      doing = "changing the addresses of a graph";
    try {
      for (const n of this.changed(instance.slots, slots)) {
        const o = this.operations[n],
          node = this.graph?.nodes[n] ?? 0n;
        if (o?.kind === "launch") this.calls.do("cuGraphExecKernelNodeSetParams", doing, instance.exec, node, this.kernelNode(o, at));
        else if (o) this.calls.do("cuGraphExecMemcpyNodeSetParams", doing, instance.exec, node, this.copyNode(o, at), this.context);
      }
      instance.slots.set(slots);
    } catch (e) {
      this.instances.splice(this.instances.indexOf(instance), 1);
      this.calls.free("cuGraphExecDestroy", "giving a graph back", instance.exec);
      throw e;
    }
  }
}
