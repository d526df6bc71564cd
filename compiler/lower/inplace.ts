// When may a kernel write over what it reads? Only element for element: each position is read, if at all, by the turn that stores there, before the store.
import { byteSize } from "../../runtime/dtype.ts";
import type { Kernel, Stmt } from "../ir/kernel.ts";
import type { Expr } from "../ir/scalar.ts";
import type { SlotRef, Step } from "../ir/schedule.ts";
import { operands } from "../ir/exprs.ts";

const sameRef = (a: SlotRef, b: SlotRef): boolean =>
  a.slot === b.slot &&
  a.base === b.base &&
  a.terms.length === b.terms.length &&
  a.terms.every((t, i) => t.counter === b.terms[i]?.counter && t.stride === b.terms[i]?.stride);

/** May the launch write its argument `to` into the memory of its argument `from`? */
export function inPlace(launch: Extract<Step, { kind: "launch" }>, from: SlotRef, to: SlotRef): boolean {
  const { kernel, args } = launch,
    source = args.findIndex(a => sameRef(a, from)),
    target = args.findIndex(a => sameRef(a, to));
  const s = kernel.params[source],
    t = kernel.params[target];
  if (
    !s ||
    !t ||
    source === target ||
    s.access !== "read" ||
    t.access !== "write" ||
    s.elements !== t.elements ||
    byteSize(s.dtype) !== byteSize(t.dtype)
  )
    return false;
  if (args.some((a, i) => i !== source && a.slot === from.slot) || args.some((a, i) => i !== target && a.slot === to.slot)) return false;
  return elementwise(kernel, source, target);
}

/** Is buffer `source` read only where, and before, `target` is stored? */
function elementwise(k: Kernel, source: number, target: number): boolean {
  if (k.kind === "attention" || k.kind === "form") return false; // others still read what a row would write
  if (k.kind === "gemm") return !reads(k.lhs, source) && !reads(k.rhs, source) && ordered(k.epilogue, source, target);
  const blocks: (readonly Stmt[])[] = [],
    collect = (b: readonly Stmt[]): void => {
      blocks.push(b);
      for (const s of b) {
        if (s.kind === "for" || s.kind === "while" || s.kind === "fold") collect(s.body);
        else if (s.kind === "if") {
          collect(s.yes);
          collect(s.no);
        }
      }
    };
  collect(k.body);
  const touched = blocks.filter(b => b.some(s => own(s).some(e => reads(e, source)) || (s.kind === "store" && s.buf === target)));
  return touched.length === 1 && touched.every(b => b.every(s => s.kind === "let" || s.kind === "store") && ordered(b, source, target));
}
/** In a block of lets and stores: one store to `target`, every read of `source` at its position, in it or before it. */
function ordered(block: readonly Stmt[], source: number, target: number): boolean {
  const at = block.findIndex(s => s.kind === "store" && s.buf === target),
    store = block[at];
  if (
    store?.kind !== "store" ||
    store.guard ||
    block.some((s, i) => i !== at && s.kind === "store" && (s.buf === target || s.buf === source))
  )
    return false;
  return block.every((s, i) => own(s).every(e => loads(e, source).every(l => i <= at && l.index === store.index)));
}
const own = (s: Stmt): readonly Expr[] => {
  switch (s.kind) {
    case "let":
    case "set":
      return [s.value];
    case "store":
      return [s.index, s.value, ...(s.guard ? [s.guard] : [])];
    case "for":
      return [s.begin, s.end];
    case "fold":
      return [s.begin, s.end, ...s.folds.map(f => f.init), ...s.values, ...s.combine];
    case "while":
    case "if":
      return [s.cond];
    default:
      return s satisfies never;
  }
};
function loads(e: Expr, buf: number): Extract<Expr, { kind: "load" }>[] {
  const found: Extract<Expr, { kind: "load" }>[] = [],
    seen = new Set<Expr>();
  const visit = (x: Expr): void => {
    if (seen.has(x)) return;
    seen.add(x);
    if (x.kind === "load" && x.buf === buf) found.push(x);
    operands(x).forEach(visit);
  };
  visit(e);
  return found;
}
const reads = (e: Expr, buf: number): boolean => loads(e, buf).length > 0;

/** Does a step read (or write) the memory of a slot? A nested step counts as both. */
export function touches(s: Step, slot: number): { readonly read: boolean; readonly written: boolean } {
  switch (s.kind) {
    case "launch": {
      const access = s.args.flatMap((a, i) => (a.slot === slot ? [s.kernel.params[i]?.access ?? "update"] : []));
      return { read: access.some(a => a !== "write"), written: access.some(a => a !== "read") };
    }
    case "copy":
      return { read: s.from.slot === slot, written: s.to.slot === slot };
    case "loop":
      return either(s.body.map(x => touches(x, slot)));
    case "while":
      return either([...s.test, ...s.body].map(x => touches(x, slot)).concat({ read: s.pred.slot === slot, written: false }));
    case "branch":
      return either(
        s.cases
          .flat()
          .map(x => touches(x, slot))
          .concat({ read: s.index.slot === slot, written: false }),
      );
    default:
      return s satisfies never;
  }
}
const either = (
  all: readonly { readonly read: boolean; readonly written: boolean }[],
): { readonly read: boolean; readonly written: boolean } => {
  const any = all.some(t => t.read || t.written);
  return { read: any, written: any };
};

/** `steps` with every slot reference replaced. */
export function mapRefs(steps: readonly Step[], f: (r: SlotRef) => SlotRef): Step[] {
  return steps.map((s): Step => {
    switch (s.kind) {
      case "launch":
        return { ...s, args: s.args.map(f) };
      case "copy":
        return { ...s, from: f(s.from), to: f(s.to) };
      case "loop":
        return { ...s, body: mapRefs(s.body, f) };
      case "while":
        return { ...s, test: mapRefs(s.test, f), pred: f(s.pred), body: mapRefs(s.body, f) };
      case "branch":
        return { ...s, index: f(s.index), cases: s.cases.map(c => mapRefs(c, f)) };
      default:
        return s satisfies never;
    }
  });
}
/** May a value that `steps` write to `to` be written over `old` at once? When nothing reads the old value after the new one begins to be written. */
export function mayReplace(steps: readonly Step[], old: SlotRef, to: SlotRef): boolean {
  const first = steps.findIndex(s => touches(s, to.slot).written),
    last = steps.findLastIndex(s => touches(s, old.slot).read),
    s = steps[first];
  if (first < 0 || steps.some(x => touches(x, old.slot).written) || steps.slice(0, first).some(x => touches(x, to.slot).read)) return false;
  return last < first || (last === first && s?.kind === "launch" && inPlace(s, old, to));
}
