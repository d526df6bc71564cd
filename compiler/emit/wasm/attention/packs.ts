// Packed panels of an attention kernel's operands, made by one launch before the blocks: keys side by side for products over a head's elements, or row by row for products over keys.
import { InternalError } from "../../../../runtime/errors/error.ts";
import type { AttentionKernel } from "../../../ir/kernel.ts";
import type { Expr, ExprVar } from "../../../ir/scalar.ts";
import { rowStride } from "../../../lower/attention.ts";
import type { FuncBuilder, FuncRef, GlobalRef, Local } from "../encoder/function.ts";
import { atOrigin, pushAddress, type GemmLaunch } from "../gemm.ts";
import { emitPanel } from "../gemm/pack.ts";
import type { StridedSource } from "../gemm/spec.ts";
import type { KernelContext } from "../loops.ts";
import type { AttentionPlan } from "./plan.ts";

/** An operand where it lies: elements from one row to the next, a head's elements side by side. `base` pushes the address of a head's first element. */
export interface Operand {
  readonly row: number;
  readonly base: (f: FuncBuilder, head: Local) => void;
}
/** The operand `x` over its row variable. @throws InternalError when its rows are not side by side in memory: the lowering copies those */
export function operandOf(c: KernelContext, k: AttentionKernel, args: GlobalRef, x: Expr, row: ExprVar): Operand {
  const across = rowStride(k, x, row);
  if (x.kind !== "load" || across === undefined) throw new InternalError(`${k.name}: an operand's rows do not lie side by side`);
  return { row: across, base: pushAddress({ c, params: k.params, args, batch: k.vars.n }, x.buf, atOrigin(x.index, [row, k.vars.e])) };
}

/** One packed form: `elements` a head, and what writes the part that belongs to panel `panel`. */
export interface Pack {
  readonly elements: number;
  readonly write: (f: FuncBuilder, at: { readonly head: Local; readonly panel: Local; readonly to: Local }) => void;
}
/** A packed form and the byte offset of its area in shared memory. */
export interface PlacedPack extends Pack {
  readonly offset: number;
}

/** Makes packed forms of one kernel. */
export class Packs {
  private readonly c: KernelContext;
  private readonly k: AttentionKernel;
  private readonly plan: AttentionPlan;
  private readonly args: GlobalRef;
  constructor(c: KernelContext, k: AttentionKernel, plan: AttentionPlan, args: GlobalRef) {
    this.c = c;
    this.k = k;
    this.plan = plan;
    this.args = args;
  }
  /** Panels [panel][e][key of the panel], zeros past the last key. */
  across(x: Expr, name: string): Pack {
    const { c, k, plan } = this,
      { vec, width } = plan,
      whole = Math.floor(k.s / width),
      rest = k.s % width;
    const at = operandOf(c, k, this.args, x, k.vars.j),
      source: StridedSource = { kind: "strided", batched: true, row: 1, col: at.row, base: at.base };
    const packer = (valid: number): FuncRef =>
      emitPanel(c.module, `${k.name}.${name}.across${valid}`, { vec, source, outer: "col", width, valid });
    const full = whole > 0 ? packer(width) : undefined,
      last = rest > 0 ? packer(rest) : undefined;
    return {
      elements: (whole + (rest > 0 ? 1 : 0)) * width * k.d,
      write: (f, { head, panel, to }) => {
        const call = (packed: FuncRef): void => {
          f.get(head).get(panel).times(width).i32(0).i32(k.d);
          f.get(to)
            .get(panel)
            .times(width * k.d * vec.size)
            .op("i32.add")
            .call(packed);
        };
        if (full && last)
          f.get(panel)
            .i32(whole)
            .op("i32.lt_u")
            .if_(
              () => call(full),
              () => call(last),
            );
        else if (full ?? last) call((full ?? last) as FuncRef); // the condition
      },
    };
  }
  /** Slices [slice][key][e of the slice], each padded to its width. */
  along(x: Expr, name: string): Pack {
    const { c, k, plan } = this,
      { vec, width, padded } = plan,
      at = operandOf(c, k, this.args, x, k.vars.j),
      source: StridedSource = { kind: "strided", batched: true, row: at.row, col: 1, base: at.base };
    const packers = new Map<number, FuncRef>();
    for (const s of plan.slices)
      if (!packers.has(s.columns))
        packers.set(
          s.columns,
          emitPanel(c.module, `${k.name}.${name}.along${s.columns}`, { vec, source, outer: "col", width: s.width, valid: s.columns }),
        );
    return {
      elements: k.s * padded,
      write: (f, { head, panel, to }) => {
        const [row, count] = [f.local("i32"), f.local("i32")];
        f.get(panel).times(width).set(row);
        f.i32(k.s).get(row).op("i32.sub").tee(count).i32(width).get(count).i32(width).op("i32.lt_s").op("select").set(count);
        for (const s of plan.slices) {
          f.get(head).i32(s.at).get(row).get(count);
          f.get(to)
            .plus(s.at * k.s * vec.size)
            .get(row)
            .times(s.width * vec.size)
            .op("i32.add")
            .call(packers.get(s.columns) as FuncRef); // one for every width of a slice
        }
      },
    };
  }
  /** The launch that writes them all, a task a panel of keys of a head. */
  emit(packs: readonly PlacedPack[]): GemmLaunch {
    const { c, k, plan } = this,
      panels = Math.ceil(k.s / plan.width);
    const f = c.module.func(`${k.name}.pack`, ["i32", "i32", "i32"]),
      task = f.param(1);
    const [head, panel, to] = [f.local("i32"), f.local("i32"), f.local("i32")];
    f.get(f.param(0)).setGlobal(this.args);
    f.for_({ index: task, from: task, to: f.param(2) }, () => {
      f.get(task).i32(panels).op("i32.div_u").set(head).get(task).i32(panels).op("i32.rem_u").set(panel);
      for (const p of packs) {
        f.getGlobal(this.args)
          .mem("i32.load", 4 * k.params.length)
          .plus(p.offset)
          .get(head)
          .times(p.elements * plan.vec.size)
          .op("i32.add")
          .set(to);
        p.write(f, { head, panel, to });
      }
    });
    return { func: f, extent: k.n * panels };
  }
}
