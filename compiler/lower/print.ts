// Kernels and schedules as text, for `jit(f).lower(...).text("kernels")`. It is read by people, never parsed.
import { unreachable } from "../../runtime/errors/error.ts";
import { printNumber, type PrintOptions } from "../ir/print.ts";
import type { Kernel, Stmt } from "../ir/kernel.ts";
import type { Fragment } from "../ir/fragment.ts";
import type { Matrix } from "../ir/subgroup_matrix.ts";
import { inShared, type SharedOperand, type Swizzle, type TiledKernel, type TiledStmt } from "../ir/tiled.ts";
import type { Expr } from "../ir/scalar.ts";
import type { Schedule, SlotRef, Step } from "../ir/schedule.ts";

type AnyKernel = Kernel | TiledKernel;
/** A whole program: its slots, its steps, and each kernel once. */
export function printSchedule(p: Schedule<AnyKernel>, options: PrintOptions = {}): string {
  const kernels = new Set<AnyKernel>();
  const steps = printSteps(p.steps, "  ", kernels);
  const slots = p.slots.map(
    s => `  s${s.id}: ${s.dtype}[${s.elements}] ${s.home.kind === "arena" ? `arena+${s.home.offset}` : `${s.home.kind} ${s.home.index}`}`,
  );
  return [
    `program ${p.inputs} inputs, ${p.outputs} outputs, arena ${p.arenaBytes} bytes`,
    ...slots,
    "steps",
    ...steps,
    ...[...kernels].map(k => (options.sources ? `${placesOf(k)}${printKernel(k)}` : printKernel(k))),
  ].join("\n");
}
function printSteps(steps: readonly Step<AnyKernel>[], indent: string, kernels: Set<AnyKernel>): string[] {
  return steps.flatMap(s => {
    switch (s.kind) {
      case "launch":
        kernels.add(s.kernel);
        return [`${indent}${s.kernel.name}(${s.args.map(ref).join(", ")})`];
      case "copy":
        return [`${indent}copy ${ref(s.from)} -> ${ref(s.to)} (${s.bytes} bytes)`];
      case "loop":
        return [`${indent}loop c${s.counter} < ${s.count}${s.reverse ? " reversed" : ""}`, ...printSteps(s.body, `${indent}  `, kernels)];
      case "while":
        return [
          `${indent}test`,
          ...printSteps(s.test, `${indent}  `, kernels),
          `${indent}while ${ref(s.pred)}`,
          ...printSteps(s.body, `${indent}  `, kernels),
        ];
      case "branch":
        return s.cases.flatMap((c, i) => [`${indent}case ${i} of ${ref(s.index)}`, ...printSteps(c, `${indent}  `, kernels)]);
      default:
        return unreachable(s);
    }
  });
}
const ref = (r: SlotRef): string =>
  `s${r.slot}${r.base === 0 ? "" : `+${r.base}`}${r.terms.map(t => `+${t.stride}·c${t.counter}`).join("")}`;

/** The user's lines that a kernel computes, each once, as a comment. */
function placesOf({ sources = [] }: AnyKernel): string {
  const lines = sources.flatMap(s => s.locate() ?? []).map(({ file, line, column }) => `# ${file}:${line}:${column}\n`);
  return [...new Set(lines)].join("");
}

/** One kernel. */
export function printKernel(k: AnyKernel): string {
  const params = k.params.map((p, i) => `b${i}: ${p.dtype}[${p.elements}] ${p.access}`).join(", ");
  if (k.kind === "gemm")
    return [
      `gemm ${k.name}(${params}) ${k.operands === k.dtype ? "" : `${k.operands} into `}${k.dtype}${k.precision === undefined ? "" : ` ${k.precision}`} batch ${k.batch} m ${k.m} n ${k.n} k ${k.k}`,
      `  lhs ${expr(k.lhs)}`,
      `  rhs ${expr(k.rhs)}`,
      ...k.epilogue.flatMap(s => stmt(s, "  ")),
    ].join("\n");
  if (k.kind === "attention")
    return [
      `attention ${k.name}(${params}) ${k.pass}${k.causal ? ", causal" : ""}, ${k.n} heads of ${k.t} queries, ${k.s} keys, size ${k.d}, scale ${k.scale}${k.precision === undefined ? "" : `, ${k.precision}`}`,
      `  q ${expr(k.q)}`,
      `  k ${expr(k.k)}`,
      `  v ${expr(k.v)}`,
      ...k.outs.map(o => `  into b${o.buf}[${expr(o.index)}]`),
    ].join("\n");
  if (k.kind === "form") return [`${k.form.form} ${k.name}(${params})`, ...k.loops.map(printKernel)].join("\n");
  const at = (i: number): number => k.params.length + i;
  if (k.kind === "tiled") {
    const memory = [
      ...k.shared.map(
        (s, i) =>
          `  b${at(i)}: shared ${s.dtype}[${s.elements}]${s.packed ? " packed" : ""}${s.swizzle ? ` swizzled ${swizzle(s.swizzle)}` : ""}`,
      ),
      ...k.local.map((s, i) => `  b${at(k.shared.length + i)}: local ${s.dtype}[${s.elements}]`),
    ];
    return [
      `tiled ${k.name}(${params}) ${k.groups} groups ${name(k.vars.group)} of ${k.threads} threads ${name(k.vars.lane)}`,
      ...memory,
      ...k.body.flatMap(s => stmt(s, "  ")),
    ].join("\n");
  }
  const scratch = k.scratch.map((s, i) => `  b${at(i)}: scratch ${s.dtype}[${s.elements}]`);
  return [`kernel ${k.name}(${params}) grid ${name(k.grid.v)} < ${k.grid.extent}`, ...scratch, ...k.body.flatMap(s => stmt(s, "  "))].join(
    "\n",
  );
}
const name = (v: { readonly name: string; readonly id: number }): string => `${v.name}${Math.abs(v.id)}`;
function stmt(s: Stmt | TiledStmt, indent: string): string[] {
  const block = (b: readonly (Stmt | TiledStmt)[]): string[] => b.flatMap(x => stmt(x, `${indent}  `));
  switch (s.kind) {
    case "let":
      return [`${indent}let ${name(s.v)} = ${expr(s.value)}`];
    case "set":
      return [`${indent}set ${name(s.v)} = ${expr(s.value)}`];
    case "store":
      return [`${indent}b${s.buf}[${expr(s.index)}] = ${expr(s.value)}${s.guard ? ` if ${expr(s.guard)}` : ""}`];
    case "for":
      return [
        `${indent}${"parallel" in s && s.parallel ? "parallel" : "for"} ${name(s.v)} in ${expr(s.begin)}..${expr(s.end)}`,
        ...block(s.body),
      ];
    case "fold":
      return [
        `${indent}fold ${name(s.v)} in ${expr(s.begin)}..${expr(s.end)}: ${s.folds.map((f, k) => `${name(f.acc)} from ${expr(f.init)} by ${expr(s.combine[k] ?? f.init)} over ${expr(s.values[k] ?? f.init)}`).join("; ")}`,
        ...block(s.body),
      ];
    case "while":
      return [`${indent}while ${expr(s.cond)}`, ...block(s.body)];
    case "barrier":
      return [`${indent}barrier`];
    case "bind":
      return [`${indent}let b${s.buf}..b${s.buf + s.count - 1} = parameters of part ${expr(s.part)}, from b${s.from} on`];
    case "shuffle":
      return [`${indent}let ${name(s.into)} = ${expr(s.value)} of ${s.of ? expr(s.of) : `lane ^ ${s.mask}`}`];
    case "loadVector":
      return [`${indent}let ${s.into.map(name).join(", ")} = b${s.buf}[${expr(s.index)}..]`];
    case "storeVector":
      return [`${indent}b${s.buf}[${expr(s.index)}..] = ${s.values.map(expr).join(", ")}`];
    case "loadFragment":
      return [`${indent}let ${matrix(s.into)} = b${s.buf}[${expr(s.index)} + r * ${s.rows} + c * ${s.cols}]`];
    case "packFragment":
      return [`${indent}let ${matrix(s.into)} = ${s.values.map(expr).join(", ")}`];
    case "multiply":
      return [`${indent}add ${matrix(s.lhs)} * ${matrix(s.rhs)} to ${s.sums.map(name).join(", ")}`];
    case "copyAsync":
      return [
        `${indent}copy b${s.into}[${expr(s.to)}] = b${s.buf}[${expr(s.from)}], ${s.present ? `${expr(s.present)} of ` : ""}${s.count} elements`,
      ];
    case "commitCopies":
      return [`${indent}commit copies`];
    case "waitCopies":
      return [`${indent}wait for copies but ${s.pending} groups`];
    case "copyBox":
      return [`${indent}copy box ${s.box} at (${s.at.map(expr).join(", ")}) to b${s.into}[${expr(s.to)}], signal ${expr(s.signal)}`];
    case "storeBox":
      return [`${indent}store box ${s.box} at (${s.at.map(expr).join(", ")}) from b${s.buf}[${expr(s.from)}]`];
    case "commitStores":
      return [`${indent}commit stores`];
    case "waitStores":
      return [`${indent}wait for stores but ${s.pending} groups`];
    case "meet":
      return [`${indent}meet`];
    case "expect":
      return [`${indent}arrive at signal ${expr(s.signal)}, ${s.bytes} bytes to come`];
    case "arrive":
      return [`${indent}arrive at signal ${expr(s.signal)}`];
    case "awaitPhase":
      return [`${indent}await phase ${expr(s.parity)} of signal ${expr(s.signal)}`];
    case "multiplyShared":
      return [
        `${indent}${s.fresh === true ? "put" : "add"} ${inShared(s.lhs) ? shared(s.lhs) : matrix(s.lhs)} * ${shared(s.rhs)} (${s.dtype}) to ${s.sums.map(name).join(", ")}`,
      ];
    case "fenceProducts":
      return [`${indent}fence products`];
    case "fenceStores":
      return [`${indent}fence stores`];
    case "commitProducts":
      return [`${indent}commit products`];
    case "waitProducts":
      return [`${indent}wait for products but ${s.pending} groups`];
    case "registers":
      return [`${indent}${s.more ? "take" : "leave"} ${s.count} registers a thread`];
    case "clearMatrix":
      return [`${indent}let ${held(s.into)} = 0`];
    case "loadMatrix":
      return [`${indent}let ${held(s.into)} = b${s.buf}[${expr(s.index)} + r * ${s.rows} + c * ${s.cols}]`];
    case "storeMatrix":
      return [`${indent}b${s.buf}[${expr(s.index)} + r * ${s.rows} + c * ${s.cols}] = ${held(s.from)}`];
    case "multiplyMatrices":
      return [`${indent}add ${held(s.lhs)} * ${held(s.rhs)} to ${held(s.sums)}`];
    case "if":
      return [`${indent}if ${expr(s.cond)}`, ...block(s.yes), ...(s.no.length > 0 ? [`${indent}else`, ...block(s.no)] : [])];
    default:
      return unreachable(s);
  }
}
const matrix = (f: Fragment): string => `${f.side}${Math.abs(f.id)}${f.terms === 2 ? "²" : ""}${f.paired ? " paired" : ""}`;
const held = ({ role, id, dtype, rows, cols }: Matrix): string => `${role}${id} ${dtype}[${rows}, ${cols}]`;
const shared = (o: SharedOperand): string => `b${o.buf}[${expr(o.index)}..]${o.across ? " across" : ""}`;
const swizzle = ({ bits, base, shift }: Swizzle): string => `<${bits}, ${base}, ${shift}>`;
const symbols: { readonly [op: string]: string } = {
  add: "+",
  sub: "-",
  mul: "*",
  div: "/",
  rem: "%",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
  eq: "==",
  ne: "!=",
  and: "&",
  or: "|",
  xor: "^",
  shl: "<<",
  shr: ">>>",
  sar: ">>",
};
function expr(e: Expr): string {
  switch (e.kind) {
    case "const":
      return printNumber(e.value);
    case "var":
      return name(e);
    case "unary":
      return `${e.op}(${expr(e.x)})`;
    case "binary":
    case "compare": {
      const op = symbols[e.op];
      return op === undefined ? `${e.op}(${expr(e.x)}, ${expr(e.y)})` : `(${expr(e.x)} ${op} ${expr(e.y)})`;
    }
    case "fma":
      return `fma(${expr(e.x)}, ${expr(e.y)}, ${expr(e.z)})`;
    case "select":
      return `(${expr(e.cond)} ? ${expr(e.x)} : ${expr(e.y)})`;
    case "convert":
      return `${e.dtype}(${expr(e.x)})`;
    case "bitcast":
      return `bits_${e.dtype}(${expr(e.x)})`;
    case "load":
      return `b${e.buf}[${expr(e.index)}]${e.guard ? `?${expr(e.guard)}` : ""}`;
    default:
      return unreachable(e);
  }
}
