// Memory of one attention kernel's functions: its parameters, one thread's areas (scores, tiles, what is summed), and packed panels shared by all. Functions over rows are loop kernels,
// launched from inside with an argument block of their own: the kernel's parameters, then every area.
import type { AttentionKernel, KernelParam } from "../../../ir/kernel.ts";
import type { DType } from "../../../../runtime/dtype.ts";
import { byteSize } from "../../../../runtime/dtype.ts";
import type { FuncBuilder, GlobalRef, Local } from "../encoder/function.ts";

/** An area: `elements` of a dtype, one a thread, or one for all. */
export interface Area {
  readonly dtype: DType;
  readonly elements: number;
  readonly shared?: boolean;
}
const align = (n: number): number => Math.ceil(n / 64) * 64;

/** Areas by name, laid out. Buffers of row functions are numbered: parameters, then areas in order. */
export class Memory<Name extends string> {
  readonly names: readonly Name[];
  readonly params: readonly KernelParam[];
  readonly perThread: number;
  readonly sharedBytes: number;
  private readonly areas: Readonly<Record<Name, Area>>;
  private readonly offsets = new Map<Name, number>();
  private readonly args: number;

  constructor(k: AttentionKernel, areas: Readonly<Record<Name, Area>>) {
    this.areas = areas;
    this.names = Object.keys(areas) as Name[]; // the keys of the record are Names
    this.args = k.params.length;
    this.params = [
      ...k.params.map((p): KernelParam => ({ ...p, access: "update" })),
      ...this.names.map((n): KernelParam => ({ dtype: areas[n].dtype, elements: areas[n].elements, access: "update" })),
    ];
    let own = align(4 * this.params.length),
      shared = 0;
    for (const n of this.names) {
      const { dtype, elements, shared: together } = areas[n],
        bytes = align(elements * byteSize(dtype));
      this.offsets.set(n, together ? shared : own);
      if (together) shared += bytes;
      else own += bytes;
    }
    this.perThread = own;
    this.sharedBytes = shared;
  }
  /** The number of an area among the buffers of row functions. */
  buffer(n: Name): number {
    return this.args + this.names.indexOf(n);
  }
  /** Bytes of an area from the start of its kind. */
  offset(n: Name): number {
    return this.offsets.get(n) ?? 0;
  }
  /** Locals with the areas' addresses, and the argument block of row functions, which is filled here. `args` is the block of this launch. */
  open(f: FuncBuilder, scratch: GlobalRef, args: GlobalRef): { readonly block: Local; readonly at: Readonly<Record<Name, Local>> } {
    const block = f.local("i32"),
      at = {} as Record<Name, Local>; // filled for every name just below
    f.getGlobal(scratch).set(block);
    for (let i = 0; i < this.args; i++)
      f.get(block)
        .getGlobal(args)
        .mem("i32.load", 4 * i)
        .mem("i32.store", 4 * i);
    for (const n of this.names) {
      const base = f.local("i32");
      if (this.areas[n].shared) f.getGlobal(args).mem("i32.load", 4 * this.args);
      else f.get(block);
      f.plus(this.offset(n)).set(base);
      f.get(block)
        .get(base)
        .mem("i32.store", 4 * this.buffer(n));
      at[n] = base;
    }
    return { block, at };
  }
}
