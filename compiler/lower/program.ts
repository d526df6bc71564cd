// What the parts of one program's lowering share: slots, loop counters, kernel names. The only thing that grows while a program is lowered.
import { sizeOf, type Aval } from "../ir/aval.ts";
import type { Home, Slot, SlotRef, Step } from "../ir/schedule.ts";
import { forEachStep } from "../ir/walk.ts";
import type { Templates } from "./attention.ts";
import type { Products } from "./contract.ts";
import type { Prologue } from "./prologue.ts";
import { unreachable } from "../../runtime/errors/error.ts";

/** Slots and counters of one program. */
export class Program {
  readonly slots: Slot[] = [];
  readonly products: Products;
  readonly templates: Templates | undefined;
  private counters = 0;
  private names = 0;
  readonly prologue: Prologue | undefined;
  readonly perByte: number | undefined;
  constructor(products: Products, templates: Templates | undefined, prologue: Prologue | undefined, perByte: number | undefined) {
    this.products = products;
    this.templates = templates;
    this.prologue = prologue;
    this.perByte = perByte;
  }
  slot(a: Aval, home: Home = { kind: "arena", offset: -1 }): SlotRef {
    const id = this.slots.length;
    this.slots.push({ id, dtype: a.dtype, elements: sizeOf(a.shape), home });
    return { slot: id, base: 0, terms: [] };
  }
  counter(): number {
    return this.counters++;
  }
  name(base: string): string {
    return `${base.replace(/[^A-Za-z0-9]/g, "_")}_${this.names++}`;
  }
}

/** Every slot reference of some steps, nested ones too. */
export function forEachRef(steps: readonly Step[], visit: (r: SlotRef) => void): void {
  forEachStep(steps, s => {
    switch (s.kind) {
      case "launch":
        s.args.forEach(visit);
        break;
      case "copy":
        visit(s.from);
        visit(s.to);
        break;
      case "loop":
        break;
      case "while":
        visit(s.pred);
        break;
      case "branch":
        visit(s.index);
        break;
      default:
        unreachable(s);
    }
  });
}
