// What the parts of one tiled kernel share while it is made: index arithmetic, the two thread variables, and memory beyond the parameters, numbered late because
// workspace becomes further parameters.
import type { DType } from "../../../runtime/dtype.ts";
import type { KernelParam, Scratch } from "../../ir/kernel.ts";
import { exprVar, scalarOps, type Expr, type ExprVar } from "../../ir/scalar.ts";
import type { SharedMemory, TiledKernel, TiledStmt } from "../../ir/tiled.ts";
import { name } from "./name.ts";
import { mapTiled } from "./statements.ts";

/** A tiled kernel and the memory it wants beside its parameters: the last `workspace.length` parameters, one buffer each. */
export interface Tiled {
  readonly kernel: TiledKernel;
  readonly workspace: readonly Scratch[];
}

const FIRST = 1 << 20; // numbers of memory that has no number yet
/** Memory and thread variables of a kernel that is being made. */
export class TileBuilder {
  readonly group: ExprVar = exprVar("group", "i32");
  readonly lane: ExprVar = exprVar("lane", "i32");
  /** Of kernels with subgroup matrices. */
  readonly subgroup: ExprVar = exprVar("subgroup", "i32");
  private readonly extra: { readonly kind: "shared" | "local" | "workspace"; readonly memory: SharedMemory }[] = [];

  /** Memory of the group, of a thread, or of the whole launch; its number until `finish`. */
  memory(
    kind: "shared" | "local" | "workspace",
    dtype: DType,
    elements: number,
    more: Pick<SharedMemory, "swizzle" | "packed"> = {},
  ): number {
    this.extra.push({ kind, memory: { dtype, elements, ...more } });
    return FIRST + this.extra.length - 1;
  }
  /** Bytes of shared memory so far, each element as wide as a register unless it is packed. */
  get sharedBytes(): number {
    const bytes = ({ dtype, packed }: SharedMemory): number => (packed ? 2 : dtype === "f64" ? 8 : 4);
    return this.extra.reduce((n, { kind, memory }) => n + (kind === "shared" ? memory.elements * bytes(memory) : 0), 0);
  }
  /** The kernel, its expressions named, its memory numbered. */
  finish(
    label: string,
    params: readonly KernelParam[],
    threads: number,
    groups: number,
    body: readonly TiledStmt[],
    more: Pick<TiledKernel, "boxes" | "signals" | "subgroup"> = {},
  ): Tiled {
    const of = (kind: "shared" | "local" | "workspace"): number[] => this.extra.flatMap((x, i) => (x.kind === kind ? [FIRST + i] : []));
    const order = [...of("workspace"), ...of("shared"), ...of("local")],
      place = new Map(order.map((id, at) => [id, params.length + at]));
    const take = (kind: "shared" | "local" | "workspace"): SharedMemory[] => this.extra.flatMap(x => (x.kind === kind ? [x.memory] : []));
    const workspace = take("workspace");
    const kernel: TiledKernel = {
      ...more,
      kind: "tiled",
      name: label,
      threads,
      groups,
      vars: { group: this.group, lane: this.lane },
      shared: take("shared"),
      local: take("local"),
      params: [...params, ...workspace.map((w): KernelParam => ({ ...w, access: "update" }))],
      body: mapTiled(name(body, [this.group, this.lane, this.subgroup]), { buf: b => place.get(b) ?? b }),
    };
    return { kernel, workspace };
  }
}

/** i32 constant. */
export const int = (n: number): Expr => scalarOps.const(n, "i32");
/** i32 arithmetic that knows constants, and nothing more. */
export function arith(op: "add" | "sub" | "mul" | "div" | "rem" | "min", x: Expr, y: Expr): Expr {
  const a = x.kind === "const" ? x.value : undefined,
    b = y.kind === "const" ? y.value : undefined;
  if (a !== undefined && b !== undefined && op !== "div" && op !== "rem")
    return int(op === "add" ? a + b : op === "sub" ? a - b : op === "mul" ? a * b : Math.min(a, b));
  if ((op === "add" || op === "sub") && b === 0) return x;
  if (op === "add" && a === 0) return y;
  if ((op === "mul" || op === "div") && b === 1) return x;
  if (op === "mul" && a === 1) return y;
  if (op === "mul" && (a === 0 || b === 0)) return int(0);
  if (op === "rem" && b === 1) return int(0);
  return scalarOps.binary(op, x, y);
}
/** x < y on i32. */
export const less = (x: Expr, y: Expr): Expr => scalarOps.compare("lt", x, y);
/** Statements in a block of their own: the naming pass gives their variables fresh names where it writes them into the block around. */
export const scoped = (body: readonly TiledStmt[]): TiledStmt => ({ kind: "if", cond: scalarOps.const(1, "bool"), yes: body, no: [] });
/** `body` where `cond` holds; always, when there is none. */
export const when = (cond: Expr | undefined, body: readonly TiledStmt[]): TiledStmt =>
  cond ? { kind: "if", cond, yes: body, no: [] } : scoped(body);
/** A load. */
export const load = (buf: number, dtype: DType, index: Expr): Expr => ({ kind: "load", dtype, buf, index });
/** `body` for each of `n` numbers, dealt out over the threads of a group: neighbours have neighbouring ones. */
export function dealtOut(b: TileBuilder, threads: number, n: number, body: (e: Expr) => readonly TiledStmt[]): TiledStmt[] {
  const turn = exprVar("turn", "i32"),
    e = exprVar("e", "i32");
  return [
    {
      kind: "for",
      v: turn,
      begin: int(0),
      end: int(Math.ceil(n / threads)),
      body: [
        { kind: "let", v: e, value: arith("add", arith("mul", turn, int(threads)), b.lane) },
        when(n % threads === 0 ? undefined : less(e, int(n)), body(e)),
      ],
    },
  ];
}
