// Arrays over counted blocks of device memory, whatever the device. Blocks are counted so that a program may return one of its inputs unchanged; a ledger
// knows what is live and gives a block back with its last array. How memory is reserved and copied is the device's business.
import type { ProgramShape } from "../artifact.ts";
import type { Device, DeviceArray } from "../device.ts";
import { byteSize, type DType, type HostArray } from "../dtype.ts";
import { PullbackError } from "../errors/error.ts";
import type { Reclaimer } from "./reclaim.ts";

/** A counted piece of device memory. */
export interface Block {
  readonly address: number;
  readonly bytes: number;
  refs: number;
}

/** A device's list of what is live. `release` gives the memory of a block back. */
export class Ledger {
  /** Arrays that are live. */
  arrays = 0;
  private readonly reclaimer: Reclaimer;
  private readonly release: (block: Block) => void;

  constructor(reclaimer: Reclaimer, release: (block: Block) => void) {
    this.reclaimer = reclaimer;
    this.release = release;
  }
  /** `a` is a new array over its block. If it is forgotten the collector gives it back. */
  enter(a: BlockArray): void {
    const { block } = a;
    this.hold(block);
    this.arrays++;
    this.reclaimer.watch(
      a,
      () => {
        this.arrays--;
        this.unhold(block);
      },
      block.bytes,
    );
  }
  /** `a` is no array any more, but its block stays: somebody else holds it. */
  surrender(a: BlockArray): void {
    this.reclaimer.forget(a);
    this.arrays--;
    a.block.refs--;
  }
  /** `a` is gone, and its block with it unless another holds it. */
  drop(a: BlockArray): void {
    this.surrender(a);
    if (a.block.refs === 0) this.release(a.block);
  }
  /** Keep a block, for instance while it is read. */
  hold(block: Block): void {
    block.refs++;
  }
  /** The end of a `hold`. */
  unhold(block: Block): void {
    if (--block.refs === 0) this.release(block);
  }
}

/** What is the same in the arrays of every device. */
export abstract class BlockArray implements DeviceArray {
  abstract readonly device: Device;
  readonly dtype: DType;
  readonly elements: number;
  readonly block: Block;
  check: Promise<void> | undefined;
  protected readonly ledger: Ledger;
  private gone = false;

  /** One more array over `block`. */
  constructor(ledger: Ledger, dtype: DType, elements: number, block: Block) {
    this.ledger = ledger;
    this.dtype = dtype;
    this.elements = elements;
    this.block = block;
    ledger.enter(this);
  }
  abstract readSync(): HostArray;
  /** What `read` gives, whatever a check says. */
  protected abstract contents(): Promise<HostArray>;
  async read(): Promise<HostArray> {
    this.requireLive("read");
    const [data] = await Promise.all([this.contents(), this.check]);
    return data;
  }

  get released(): boolean {
    return this.gone;
  }
  dispose(): void {
    if (this.gone) return;
    this.gone = true;
    this.ledger.drop(this);
  }
  /** Give the memory to someone else: this array is dead, its block is not released. */
  surrender(): void {
    this.requireLive("donated");
    this.gone = true;
    this.ledger.surrender(this);
  }
  /** @throws E0701 when released. */
  requireLive(verb: string): void {
    if (this.gone)
      throw new PullbackError(
        "E0701",
        `a tensor of ${this.elements} ${this.dtype} (${this.elements * byteSize(this.dtype)} bytes) is ${verb} after it was disposed or donated`,
        { help: "keep it alive longer, or do not donate it" },
      );
  }
}

/** Makes arrays: over fresh memory, or one more over a block. */
export interface ArrayMaker<A extends BlockArray> {
  create(dtype: DType, elements: number): A;
  adopt(dtype: DType, elements: number, block: Block): A;
}

/** Memory for a program's results, one by one into `outs` (so that a failure leaves what there is to give back): an input passed through, a donated input's if
 *  nobody else sees that, or fresh. Gives the donated inputs whose memory it is. */
export function placeResults<A extends BlockArray>(
  { outputs }: ProgramShape,
  ins: readonly A[],
  donate: readonly boolean[],
  maker: ArrayMaker<A>,
  outs: A[],
): ReadonlySet<number> {
  const uses = new Map<Block, number>(),
    taken = new Set<number>();
  for (const a of ins) uses.set(a.block, (uses.get(a.block) ?? 0) + 1);
  for (const o of outputs) {
    const source = o.forward !== undefined ? ins[o.forward] : undefined;
    const candidate = o.donor !== undefined && donate[o.donor] === true ? ins[o.donor] : undefined;
    const donor = candidate && candidate.block.refs === 1 && uses.get(candidate.block) === 1 ? candidate : undefined; // nobody else sees this memory
    if (source) outs.push(maker.adopt(o.dtype, o.elements, source.block));
    else if (donor && o.donor !== undefined) {
      taken.add(o.donor);
      outs.push(maker.adopt(o.dtype, o.elements, donor.block));
    } else outs.push(maker.create(o.dtype, o.elements));
  }
  return taken;
}

/** After a program has run: donated inputs are dead. `taken`: those whose memory is a result's now. */
export function settleDonations(ins: readonly BlockArray[], donate: readonly boolean[], taken: ReadonlySet<number>): void {
  ins.forEach((a, i) => {
    if (donate[i] !== true || a.released) return;
    if (taken.has(i)) a.surrender();
    else a.dispose();
  });
}
