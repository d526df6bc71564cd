// A kernel's worth of equations that is still open: element-wise results over one domain, or, once a fold over its trailing part joins, rows.
import { InternalError } from "../../runtime/errors/error.ts";
import { sameShape, type Aval, type Shape } from "../ir/aval.ts";
import type { SlotRef } from "../ir/schedule.ts";
import { elementKernel, type Launch } from "./loops.ts";
import { inPieces, isFew } from "./pieces.ts";
import { isLong } from "./reduce.ts";
import { RowKernel, splitOf, type Member, type RowSplit } from "./rows.ts";
import { placesAt, type Places } from "./scope.ts";

/** Most equations of one kernel. */
const ELEMENTWISE = 6,
  ROWS = 16;

/** Equations that share a kernel. `position` is its place in the region's order. */
export class Cluster {
  readonly kind = "cluster";
  private readonly name: string;
  private readonly places: Places;
  private readonly position: number;
  private readonly many: boolean;
  private members: Member[] = [];
  private domain: Shape = [];
  private rows: RowKernel | undefined;
  private weight = 0;

  /** `many`: for a machine of many threads, to which a few long rows are given in pieces. */
  constructor(name: string, places: Places, position: number, many: boolean) {
    this.name = name;
    this.places = places;
    this.position = position;
    this.many = many;
  }

  /** Is there a fold here, so that what joins must follow its rows? */
  get byRows(): boolean {
    return this.rows !== undefined;
  }
  /** Take `m` in if it fits. `weight` is the price of one of its elements. */
  join(m: Member, weight: number): boolean {
    const domain = m.e.outs[0]?.aval.shape ?? [],
      fold = m.e.prim.lower.kind === "reduce",
      first = this.members.length === 0;
    if (this.members.length >= (this.rows ? ROWS : ELEMENTWISE)) return false;
    if (this.rows) {
      if (!this.rows.add(m)) return false;
    } else if (fold) {
      const split = splitOf(m.e),
        rows = split && (this.many || !isLong(split.rows, split.n)) ? this.trial(split) : undefined;
      if (!rows || !rows.add(m)) return false;
      this.rows = rows;
    } else if (!first && !sameShape(domain, this.domain)) return false;
    if (first) this.domain = domain;
    this.members.push(m);
    this.weight += weight;
    return true;
  }
  /** What is here already, as rows; undefined when it is not made of these rows. */
  private trial(split: RowSplit): RowKernel | undefined {
    const k = new RowKernel(this.places, this.position, split, () => true, false);
    return this.members.every(m => k.add(m)) ? k : undefined;
  }

  /** The finished kernel, or several over pieces of rows. `fresh` makes temporary memory; `kept(ref)`: does anybody else read that memory? */
  launches(fresh: (a: Aval) => SlotRef, kept: (ref: SlotRef) => boolean): Launch[] {
    if (this.rows) {
      const long = this.many && isFew(this.rows.split, this.rows.parts.loops.length),
        k = new RowKernel(this.places, this.position, this.rows.split, kept, long);
      for (const m of this.members) if (!k.add(m)) throw new InternalError(`${m.e.prim.name} no longer fits the rows of ${this.name}`);
      return long ? inPieces(k.parts, this.name, this.weight, fresh) : [k.finish(this.name, this.weight)];
    }
    const one = elementKernel(this.name, placesAt(this.places, this.position), this.domain, this.weight, (s, index) =>
      this.members.flatMap(({ e, into }) =>
        s.compute(e, index).map((value, k) => {
          const { ref, aval } = into[k] as Member["into"][number]; // one target an output
          return { ref, aval, value: s.ops.convert(value, aval.dtype) };
        }),
      ),
    );
    return [one];
  }
}
