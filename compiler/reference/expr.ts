// Expr -> a JavaScript function over numbers. A DAG becomes a straight list of steps, so sharing costs nothing.
import { computeDType } from "../../runtime/dtype.ts";
import { InternalError, unreachable } from "../../runtime/errors/error.ts";
import type { Expr, ExprVar } from "../ir/scalar.ts";
import { binary, bitcast, compare, convert, round, unary } from "./scalar.ts";

/** Reads element `index` of buffer `buf`. */
export type LoadFn = (buf: number, index: number) => number;

/** Compile `roots` over `vars` (their values are given in order at each call). The returned array is reused by the next call. */
export function compileExprs(roots: readonly Expr[], vars: readonly ExprVar[], load: LoadFn): (values: ArrayLike<number>) => Float64Array {
  const slot = new Map<Expr, number>();
  const byId = new Map<number, number>(vars.map((v, i) => [v.id, i]));
  const steps: ((v: Float64Array) => void)[] = [];
  const constants: [number, number][] = [];
  let next = vars.length;
  const visit = (e: Expr): number => {
    const known = slot.get(e);
    if (known !== undefined) return known;
    const at = emit(e);
    slot.set(e, at);
    return at;
  };
  const emit = (e: Expr): number => {
    switch (e.kind) {
      case "const": {
        const o = next++;
        constants.push([o, e.value]);
        return o;
      }
      case "var": {
        const i = byId.get(e.id);
        if (i === undefined) throw new InternalError(`expression variable ${e.name} is unbound`);
        return i;
      }
      case "unary": {
        const x = visit(e.x),
          o = next++,
          d = e.x.dtype,
          op = e.op;
        steps.push(v => {
          v[o] = unary(op, d, v[x] ?? NaN);
        });
        return o;
      }
      case "binary": {
        const x = visit(e.x),
          y = visit(e.y),
          o = next++,
          d = e.dtype,
          op = e.op;
        steps.push(v => {
          v[o] = binary(op, d, v[x] ?? NaN, v[y] ?? NaN);
        });
        return o;
      }
      case "compare": {
        const x = visit(e.x),
          y = visit(e.y),
          o = next++,
          op = e.op;
        steps.push(v => {
          v[o] = compare(op, v[x] ?? NaN, v[y] ?? NaN);
        });
        return o;
      }
      case "fma": {
        const x = visit(e.x),
          y = visit(e.y),
          z = visit(e.z),
          o = next++,
          d = e.dtype;
        steps.push(v => {
          v[o] = round(d, (v[x] ?? NaN) * (v[y] ?? NaN) + (v[z] ?? NaN));
        });
        return o;
      }
      case "select": {
        const c = visit(e.cond),
          x = visit(e.x),
          y = visit(e.y),
          o = next++;
        steps.push(v => {
          v[o] = v[c] !== 0 ? (v[x] ?? NaN) : (v[y] ?? NaN);
        });
        return o;
      }
      case "convert": {
        const x = visit(e.x),
          o = next++,
          from = e.x.dtype,
          to = e.dtype;
        steps.push(v => {
          v[o] = convert(from, to, v[x] ?? NaN);
        });
        return o;
      }
      case "bitcast": {
        const x = visit(e.x),
          o = next++,
          from = e.x.dtype,
          to = e.dtype;
        steps.push(v => {
          v[o] = bitcast(from, to, v[x] ?? NaN);
        });
        return o;
      }
      case "load": {
        const i = visit(e.index),
          g = e.guard && visit(e.guard),
          other = e.otherwise && visit(e.otherwise),
          o = next++,
          buf = e.buf;
        steps.push(v => {
          v[o] = g !== undefined && v[g] === 0 ? (other === undefined ? 0 : (v[other] ?? NaN)) : load(buf, v[i] ?? NaN);
        });
        return o;
      }
      default:
        return unreachable(e);
    }
  };
  const at = roots.map(visit);
  const values = new Float64Array(next),
    out = new Float64Array(roots.length);
  for (const [o, x] of constants) values[o] = x;
  return args => {
    for (let i = 0; i < vars.length; i++) values[i] = args[i] ?? NaN;
    for (const s of steps) s(values);
    at.forEach((a, i) => {
      out[i] = values[a] ?? NaN;
    });
    return out;
  };
}

/** What the value of one node needs: its operands' values, variables by number, elements of buffers. `kernel` names it in messages. */
export interface Reads {
  readonly kernel: string;
  readonly value: (e: Expr) => number;
  readonly variables: ReadonlyMap<number, number>;
  readonly load: (buf: number, index: Expr) => number;
}
/** One node, evaluated as the interpreters of kernels do: guards and selections evaluate only what they choose. */
export function evaluateNode(e: Expr, { kernel, value, variables, load }: Reads): number {
  switch (e.kind) {
    case "const":
      return e.value;
    case "var": {
      const v = variables.get(e.id);
      if (v === undefined) throw new InternalError(`${kernel}: ${e.name} is unbound`);
      return v;
    }
    case "unary":
      return unary(e.op, e.x.dtype, value(e.x));
    case "binary":
      return binary(e.op, e.dtype, value(e.x), value(e.y));
    case "compare":
      return compare(e.op, value(e.x), value(e.y));
    case "fma":
      return round(computeDType(e.dtype), value(e.x) * value(e.y) + value(e.z));
    case "select":
      return value(e.cond) !== 0 ? value(e.x) : value(e.y);
    case "convert":
      return convert(e.x.dtype, e.dtype, value(e.x));
    case "bitcast":
      return bitcast(e.x.dtype, e.dtype, value(e.x));
    case "load":
      if (e.guard && value(e.guard) === 0) return e.otherwise ? value(e.otherwise) : 0;
      return load(e.buf, e.index);
    default:
      return unreachable(e);
  }
}
