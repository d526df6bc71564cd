// The one recorder. A Builder appends equations; the current one is the compiler's only mutable global. Tensors from outside the
// function being traced (outer tracers, concrete arrays) are captured: they become leading parameters of the finished Func.
import { PullbackError, InternalError } from "../../runtime/errors/error.ts";
import { showAval, type Aval } from "../ir/aval.ts";
import { freshVar, literal, type Atom, type Eqn, type Func, type Params, type Var } from "../ir/func.ts";
import type { Primitive } from "../ir/primitive.ts";
import { captureSource } from "./source.ts";
import { Tensor } from "./tensor.ts";

/** Collects the equations of one function. */
export class Builder {
  readonly outer: Builder | null;
  readonly eqns: Eqn[] = [];
  readonly captured: Map<Tensor, Var> = new Map();
  private readonly capturedAtoms = new Map<Atom, Var>();
  private closed = false;
  constructor(outer: Builder | null) {
    this.outer = outer;
  }

  /** The operand of this program that stands for `x`. @throws E0102 when x belongs to a finished trace. */
  read(x: Tensor): Atom {
    const s = x.storage;
    if (s.kind === "staged") {
      if (s.builder === null || s.builder === this) return s.atom;
      if (!this.encloses(s.builder))
        throw new PullbackError("E0102", `a tensor ${showAval(x.aval)} is used after the function that made it was traced`, {
          help: "return it from the traced function instead of storing it outside",
        });
      const known = this.capturedAtoms.get(s.atom);
      if (known) return known;
    }
    let v = this.captured.get(x);
    if (!v) {
      v = freshVar(x.aval);
      this.captured.set(x, v);
      if (s.kind === "staged") this.capturedAtoms.set(s.atom, v);
    }
    return v;
  }
  /** Append an equation and return its outputs. */
  emit(prim: Primitive, ins: readonly Atom[], params: Params): Tensor[] {
    if (this.closed) throw new InternalError("emit into a finished builder");
    const out = prim.aval(
      ins.map(a => a.aval),
      params,
    );
    const outs = (Array.isArray(out) ? (out as readonly Aval[]) : [out as Aval]).map(freshVar); // Array.isArray does not narrow readonly arrays
    this.eqns.push({ prim, ins, params, outs, source: captureSource() });
    return outs.map(v => new Tensor(v.aval, { kind: "staged", builder: this, atom: v }));
  }
  /** The finished program: captured tensors first, then `params`. */
  finish(params: readonly Var[], results: readonly Atom[]): Func {
    this.closed = true;
    return { params: [...this.captured.values(), ...params], eqns: this.eqns, results };
  }
  private encloses(b: Builder): boolean {
    for (let o = this.outer; o; o = o.outer) if (o === b) return true;
    return false;
  }
}

let current: Builder | null = null;
/** The recorder in force, or null when operations run at once. */
export const currentBuilder = (): Builder | null => current;
/** Run `f` with `b` recording. */
export function withBuilder<T>(b: Builder | null, f: () => T): T {
  const previous = current;
  current = b;
  try {
    return f();
  } finally {
    current = previous;
  }
}
/** A staged scalar constant; usable in any program. `weak` for JavaScript numbers whose dtype gives way. */
export const lit = (value: number, dtype: Aval["dtype"], weak = false): Tensor =>
  new Tensor({ dtype, shape: [] }, { kind: "staged", builder: null, atom: literal(value, dtype) }, weak);
