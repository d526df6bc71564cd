// A CUDA driver without a card: the calls of `Driver` on an interpreter of PTX. It is as strict as a driver, and stricter where a real one would let a mistake
// pass: `violations` lists stale handles, double frees, launches on memory that is not allocated. Work is done when it is waited for.
import type { Driver, Out32, Out64 } from "../../runtime/cuda/driver.ts";
import { PtxError, PtxFault, type PtxDevice, type PtxEntry, type PtxModule } from "../ptx/device.ts";
import { encodeTensorMap, TENSOR_MAP_BYTES } from "../ptx/tensormap.ts";
import { code, FakeCard, STATIC_SHARED } from "./card.ts";
import { orderOf, type FakeExec, type FakeGraph, type FakeNode, type KernelWork, type Work } from "./graphs.ts";

interface FakeFunction {
  readonly module: bigint;
  readonly entry: PtxEntry;
  dynamicSharedBytes: number;
}
const loaded = new WeakMap<PtxDevice, Map<string, PtxModule>>();

/** See above. */
export class FakeDriver extends FakeCard implements Driver {
  cuMemcpyDtoDAsync(to: number, from: number, bytes: number, stream: bigint): number {
    return this.submit(stream, { kind: "copy", to, from, bytes });
  }

  cuModuleLoadDataEx(module: Out64, image: Uint8Array, options: number, keys: Int32Array, values: BigUint64Array): number {
    if (image.at(-1) !== 0) return this.wrong("PTX that does not end with a zero byte", code.INVALID_VALUE);
    const text = new TextDecoder().decode(image.subarray(0, -1)),
      cache = loaded.get(this.ptx) ?? new Map<string, PtxModule>();
    loaded.set(this.ptx, cache);
    try {
      const made = cache.get(text) ?? this.ptx.load(text);
      cache.set(text, made);
      module[0] = this.objects.add("module", made);
      return this.ready();
    } catch (e) {
      if (!(e instanceof PtxError)) throw e;
      const log = keys.indexOf(5),
        size = keys.indexOf(6);
      const into = log >= 0 && log < options ? this.host.bytes(values[log] ?? 0n, Number(values[size] ?? 0n)) : undefined;
      into?.fill(0).set(new TextEncoder().encode(e.message).subarray(0, into.length - 1));
      return code.INVALID_PTX;
    }
  }
  cuModuleUnload(module: bigint): number {
    for (const q of this.queues) q.drain();
    return this.objects.remove("module", module) ? this.ready() : this.wrong("a module is unloaded that is not one", code.INVALID_HANDLE);
  }
  cuModuleGetFunction(fn: Out64, module: bigint, name: string): number {
    const m = this.objects.get<PtxModule>("module", module);
    if (!m) return this.wrong("a function of a module that is not one", code.INVALID_HANDLE);
    const entry = m.entries.get(name);
    if (!entry) return code.NOT_FOUND;
    const made: FakeFunction = { module, entry, dynamicSharedBytes: 0 };
    fn[0] = this.functions.push(made) === 0 ? 0n : BigInt(this.functions.length);
    return this.ready();
  }
  private readonly functions: FakeFunction[] = []; // they live as long as their module
  cuFuncGetAttribute(value: Out32, attribute: number, fn: bigint): number {
    return this.of(fn, f => {
      value[0] = attribute === 1 ? f.entry.sharedBytes : attribute === 4 ? 40 : attribute === 0 ? (f.entry.maxThreads ?? 1024) : 0; // registers: some
      return code.OK;
    });
  }
  cuFuncSetAttribute(fn: bigint, attribute: number, value: number): number {
    return this.of(fn, f => {
      if (attribute !== 8 || f.entry.sharedBytes + value > this.optIn) return code.INVALID_VALUE;
      f.dynamicSharedBytes = value;
      return code.OK;
    });
  }
  cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks: Out32, fn: bigint, threads: number, dynamicSharedBytes: number): number {
    return this.of(fn, f => {
      const shared = f.entry.sharedBytes + dynamicSharedBytes;
      blocks[0] = Math.floor(Math.min(2048 / threads, shared === 0 ? Infinity : this.optIn / shared, 32));
      return code.OK;
    });
  }

  cuLaunchKernel(
    fn: bigint,
    gridX: number,
    gridY: number,
    gridZ: number,
    blockX: number,
    blockY: number,
    blockZ: number,
    dynamicSharedBytes: number,
    stream: bigint,
    params: bigint,
    _extra: bigint,
  ): number {
    this.launches.direct++;
    return this.launch(stream, fn, [gridX, gridY, gridZ], [blockX, blockY, blockZ], dynamicSharedBytes, 1, params);
  }
  cuLaunchKernelEx(config: Uint8Array, fn: bigint, params: bigint, _extra: bigint): number {
    this.launches.direct++;
    const v = viewOf(config),
      attribute = this.host.bytes(v.getBigUint64(40, true), 72);
    if (!attribute || v.getUint32(48, true) !== 1) return this.wrong("a launch whose attributes are nowhere", code.INVALID_VALUE);
    const a = viewOf(attribute);
    return this.launch(
      v.getBigUint64(32, true),
      fn,
      triple(v, 0),
      triple(v, 12),
      v.getUint32(24, true),
      a.getUint32(0, true) === 4 ? a.getUint32(8, true) : 1,
      params,
    );
  }

  cuGraphCreate(graph: Out64, _flags: number): number {
    const made: FakeGraph = { nodes: new Map() };
    graph[0] = this.objects.add("graph", made);
    return this.ready();
  }
  cuGraphDestroy(graph: bigint): number {
    const g = this.objects.get<FakeGraph>("graph", graph);
    if (!g) return this.wrong("a graph is destroyed that is not one", code.INVALID_HANDLE);
    this.objects.remove("graph", graph);
    return this.ready();
  }
  cuGraphAddKernelNode(node: Out64, graph: bigint, after: BigUint64Array, count: number, params: Uint8Array): number {
    const work = this.kernelWork(params);
    return typeof work === "number" ? work : this.addNode(node, graph, after, count, work);
  }
  cuGraphAddMemcpyNode(node: Out64, graph: bigint, after: BigUint64Array, count: number, copy: Uint8Array, _context: bigint): number {
    return this.addNode(node, graph, after, count, copyWork(copy));
  }
  cuGraphKernelNodeSetAttribute(node: bigint, attribute: number, value: Uint8Array): number {
    const n = [...this.nodes].find(([h]) => h === node)?.[1];
    if (n?.work.kind !== "kernel" || attribute !== 4) return this.wrong("an attribute of no kernel node", code.INVALID_VALUE);
    const work: KernelWork = { ...n.work, cluster: viewOf(value).getUint32(0, true) };
    n.work = work;
    return this.refusal(work) ?? this.ready();
  }
  private readonly nodes = new Map<bigint, FakeNode>();
  cuGraphInstantiateWithFlags(exec: Out64, graph: bigint, _flags: number): number {
    const g = this.objects.get<FakeGraph>("graph", graph);
    if (!g) return this.wrong("an instance of a graph that is not one", code.INVALID_HANDLE);
    const made: FakeExec = {
      order: orderOf(g),
      kinds: new Map([...g.nodes].map(([h, n]) => [h, n.work.kind])),
      work: new Map([...g.nodes].map(([h, n]) => [h, n.work])),
    };
    exec[0] = this.objects.add("exec", made);
    return this.ready();
  }
  cuGraphExecDestroy(exec: bigint): number {
    return this.objects.remove("exec", exec) ? this.ready() : this.wrong("an instance is destroyed that is not one", code.INVALID_HANDLE);
  }
  cuGraphExecKernelNodeSetParams(exec: bigint, node: bigint, params: Uint8Array): number {
    const work = this.kernelWork(params);
    return typeof work === "number" ? work : this.change(exec, node, work);
  }
  cuGraphExecMemcpyNodeSetParams(exec: bigint, node: bigint, copy: Uint8Array, _context: bigint): number {
    return this.change(exec, node, copyWork(copy));
  }
  cuGraphLaunch(exec: bigint, stream: bigint): number {
    const e = this.objects.get<FakeExec>("exec", exec);
    if (!e) return this.wrong("a launch of an instance that is not one", code.INVALID_HANDLE);
    this.launches.graphs++;
    this.launches.nodes += e.order.length;
    for (const h of e.order) {
      const result = this.submit(stream, e.work.get(h) as Work); // every node has work
      if (result !== code.OK) return result;
    }
    return this.ready();
  }
  /** The interpreter's own descriptor: a program only passes it on. */
  cuTensorMapEncodeTiled(
    map: bigint,
    type: number,
    rank: number,
    address: number,
    dims: BigUint64Array,
    strides: BigUint64Array,
    box: Uint32Array,
    elementStrides: Uint32Array,
    interleave: number,
    swizzle: number,
    _promotion: number,
    fill: number,
  ): number {
    const into = this.host.bytes(map, TENSOR_MAP_BYTES);
    if (!into || map % 64n !== 0n || dims.length !== rank || elementStrides.some(n => n !== 1) || interleave !== 0)
      return this.wrong("a tensor map of an odd kind", code.INVALID_VALUE);
    try {
      into.set(
        encodeTensorMap({
          address: BigInt(address),
          elementBytes: ([1, 2, 4, 4, 8, 8, 2, 4, 8, 2] as const)[type] ?? 4,
          dimensions: Array.from(dims, Number),
          strides: Array.from(strides, Number),
          box: [...box],
          swizzle: ([0, 32, 64, 128] as const)[swizzle] ?? 0,
          fill: fill === 0 ? "zero" : "nan",
        }),
      );
    } catch (e) {
      return this.wrong(e instanceof Error ? e.message : "a tensor map", code.INVALID_VALUE);
    }
    return this.ready();
  }

  private of(fn: bigint, act: (f: FakeFunction) => number): number {
    const f = this.functions[Number(fn) - 1];
    if (!f || !this.objects.get("module", f.module)) return this.wrong("a function that is not one", code.INVALID_HANDLE);
    return this.ready() || act(f);
  }
  private launch(
    stream: bigint,
    fn: bigint,
    grid: readonly [number, number, number],
    block: readonly [number, number, number],
    dynamicSharedBytes: number,
    cluster: number,
    params: bigint,
  ): number {
    const work = this.captured({ kind: "kernel", fn, grid, block, dynamicSharedBytes, cluster, params: [] }, params);
    return typeof work === "number" ? work : this.submit(stream, work);
  }
  /** The work with copies of its parameters, or why it is refused. */
  private captured(work: KernelWork, pointers: bigint): KernelWork | number {
    const f = this.functions[Number(work.fn) - 1];
    if (!f || !this.objects.get("module", f.module)) return this.wrong("a launch of a function that is not one", code.INVALID_HANDLE);
    const list = this.host.bytes(pointers, 8 * f.entry.params.length);
    if (!list) return this.wrong("parameters that are nowhere", code.INVALID_VALUE);
    const params: Uint8Array[] = [];
    for (const [i, p] of f.entry.params.entries()) {
      const bytes = this.host.bytes(viewOf(list).getBigUint64(8 * i, true), p.bytes);
      if (!bytes) return this.wrong("a parameter that is nowhere", code.INVALID_VALUE);
      params.push(bytes.slice());
    }
    const complete = { ...work, params };
    return this.refusal(complete) ?? complete;
  }
  /** Limits of the card. */
  private refusal({ fn, grid, block, cluster, dynamicSharedBytes }: KernelWork): number | undefined {
    const f = this.functions[Number(fn) - 1],
      threads = block[0] * block[1] * block[2];
    if (!f) return code.INVALID_HANDLE;
    if ([...grid, ...block].some(n => n < 1) || grid[0] > 2 ** 31 - 1 || grid[1] > 65535 || grid[2] > 65535 || threads > 1024)
      return this.wrong(`a launch of ${grid.join("x")} groups of ${threads} threads`, code.INVALID_VALUE);
    if (threads > (f.entry.maxThreads ?? 1024)) return this.wrong(`${threads} threads for ${f.entry.name}`, code.INVALID_VALUE);
    const allowed = f.dynamicSharedBytes > 0 ? f.entry.sharedBytes + f.dynamicSharedBytes : STATIC_SHARED;
    if (f.entry.sharedBytes + dynamicSharedBytes > allowed)
      return this.wrong(`${f.entry.sharedBytes} + ${dynamicSharedBytes} bytes of shared memory`, code.INVALID_VALUE);
    if (cluster > 1 && (this.capability < 90 || cluster > 8 || grid[0] % cluster !== 0))
      return this.wrong(`a cluster of ${cluster}`, code.INVALID_CLUSTER);
    return undefined;
  }
  private submit(stream: bigint, work: Work): number {
    if (work.kind === "copy") {
      if (!this.device.holds(work.to, work.bytes) || !this.device.holds(work.from, work.bytes))
        return this.wrong("a copy from or to memory that is not allocated", code.INVALID_VALUE);
      return this.enqueue(stream, () => this.device.bytes(work.to, work.bytes).set(this.device.bytes(work.from, work.bytes)));
    }
    const f = this.functions[Number(work.fn) - 1],
      module = f && this.objects.get<PtxModule>("module", f.module);
    if (!f || !module) return this.wrong("a launch of a function that is not one", code.INVALID_HANDLE);
    for (const [i, p] of work.params.entries())
      if (p.length === 8 && !this.device.holds(Number(viewOf(p).getBigUint64(0, true)), 1))
        this.violations.push(`parameter ${i} of ${f.entry.name} is not in allocated memory`);
    return this.enqueue(stream, () => {
      this.executed++;
      try {
        this.ptx.launch(module, f.entry.name, {
          grid: [...work.grid],
          block: [...work.block],
          cluster: [work.cluster, 1, 1],
          dynamicSharedBytes: work.dynamicSharedBytes,
          params: work.params,
        });
      } catch (e) {
        if (!(e instanceof PtxFault)) throw e;
        this.faults.push(e.message);
        this.sticky = e.kind === "address" ? 700 : e.kind === "alignment" ? 716 : e.kind === "deadlock" || e.kind === "limit" ? 702 : 719;
      }
    });
  }
  private kernelWork(params: Uint8Array): KernelWork | number {
    const v = viewOf(params),
      fn = v.getBigUint64(0, true);
    return this.captured(
      { kind: "kernel", fn, grid: triple(v, 8), block: triple(v, 20), dynamicSharedBytes: v.getUint32(32, true), cluster: 1, params: [] },
      v.getBigUint64(40, true),
    );
  }
  private addNode(node: Out64, graph: bigint, after: BigUint64Array, count: number, work: Work): number {
    const g = this.objects.get<FakeGraph>("graph", graph),
      waits = [...after.subarray(0, count)];
    if (!g || waits.some(a => !g.nodes.has(a))) return this.wrong("a node of no graph, or after a node of another", code.INVALID_VALUE);
    const made: FakeNode = { graph, after: waits, work },
      handle = 0x5400_0000_0000n + BigInt(this.nodes.size + 1);
    this.nodes.set(handle, made);
    g.nodes.set(handle, made);
    node[0] = handle;
    return this.ready();
  }
  private change(exec: bigint, node: bigint, work: Work): number {
    const e = this.objects.get<FakeExec>("exec", exec),
      old = e?.work.get(node);
    if (!e || old?.kind !== work.kind) return this.wrong("a change of a node that the instance does not have", code.INVALID_VALUE);
    e.work.set(node, work.kind === "kernel" && old.kind === "kernel" ? { ...work, cluster: old.cluster } : work);
    return this.ready();
  }
}

const viewOf = (b: Uint8Array): DataView => new DataView(b.buffer, b.byteOffset, b.byteLength);
const triple = (v: DataView, at: number): [number, number, number] => [
  v.getUint32(at, true),
  v.getUint32(at + 4, true),
  v.getUint32(at + 8, true),
];
function copyWork(copy: Uint8Array): Work {
  const v = viewOf(copy);
  return {
    kind: "copy",
    to: Number(v.getBigUint64(136, true)),
    from: Number(v.getBigUint64(48, true)),
    bytes: Number(v.getBigUint64(176, true)),
  };
}
