// Graphs as a driver keeps them: nodes with what they wait for, and instances with parameters of their own.

/** A launch as it was enqueued: its parameters' bytes are copies. */
export interface KernelWork {
  readonly kind: "kernel";
  readonly fn: bigint;
  readonly grid: readonly [number, number, number];
  readonly block: readonly [number, number, number];
  readonly cluster: number;
  readonly dynamicSharedBytes: number;
  readonly params: readonly Uint8Array[];
}
/** A copy between device addresses. */
export interface CopyWork {
  readonly kind: "copy";
  readonly to: number;
  readonly from: number;
  readonly bytes: number;
}
/** What a node does. */
export type Work = KernelWork | CopyWork;
/** A node of a graph. */
export interface FakeNode {
  readonly graph: bigint;
  readonly after: readonly bigint[];
  work: Work;
}
/** A graph under construction. */
export interface FakeGraph {
  readonly nodes: Map<bigint, FakeNode>;
}
/** An instance: what each node does now. */
export interface FakeExec {
  readonly order: readonly bigint[];
  readonly kinds: ReadonlyMap<bigint, Work["kind"]>;
  readonly work: Map<bigint, Work>;
}
/** Some order that the dependencies allow: the one in which nodes added late come as early as they may. */
export function orderOf(graph: FakeGraph): bigint[] {
  const left = new Map(graph.nodes),
    order: bigint[] = [];
  while (left.size > 0) {
    const ready = [...left].filter(([, n]) => n.after.every(a => !left.has(a))).at(-1);
    if (!ready) throw new Error("a graph with a cycle");
    left.delete(ready[0]);
    order.push(ready[0]);
  }
  return order;
}
