// Virtual registers of one entry point: typed, as many as wanted; the driver's assembler allocates. Instructions are collected as text lines.
import type { DType } from "../../../runtime/dtype.ts";

/** Register classes: predicates, 32-bit integers, addresses, halves, floats. */
export type RegClass = "pred" | "b32" | "b64" | "b16" | "f32" | "f64";
const prefix: Readonly<Record<RegClass, string>> = { pred: "%p", b32: "%r", b64: "%rd", b16: "%h", f32: "%f", f64: "%fd" };

/** The class that holds a value of `d`. f16 and bf16 values are held as the f32 they are, i8 and u8 as 32-bit integers. */
export function classOf(d: DType): "pred" | "b32" | "f32" | "f64" {
  return d === "bool" ? "pred" : d === "f64" ? "f64" : d === "f32" || d === "f16" || d === "bf16" ? "f32" : "b32";
}

/** The text of a body that is being written. */
export class Code {
  /** The least capability of the cards that it is for. */
  capability = 75;
  private readonly lines: string[] = [];
  private readonly counts: Record<RegClass, number> = { pred: 0, b32: 0, b64: 0, b16: 0, f32: 0, f64: 0 };
  private labels = 0;
  /** A fresh register. */
  reg(c: RegClass): string {
    return `${prefix[c]}${this.counts[c]++}`;
  }
  /** A fresh label. */
  label(name: string): string {
    return `$${name}${this.labels++}`;
  }
  /** One instruction: `op dst, a, b;`, under a predicate if given ("%p1" or "!%p1"). */
  put(op: string, operands: readonly string[] = [], when?: string): void {
    this.lines.push(`  ${when === undefined ? "" : `@${when} `}${op}${operands.length === 0 ? "" : ` ${operands.join(", ")}`};`);
  }
  /** An instruction with a fresh result register. */
  make(c: RegClass, op: string, ...operands: readonly string[]): string {
    const d = this.reg(c);
    this.put(op, [d, ...operands]);
    return d;
  }
  mark(label: string): void {
    this.lines.push(`${label}:`);
  }
  /** A comment, for readers of the text. */
  note(text: string): void {
    this.lines.push(`  // ${text}`);
  }
  /** Declarations and instructions. */
  text(): string {
    const regs = (Object.keys(prefix) as RegClass[]).flatMap(c =>
      this.counts[c] > 0 ? [`  .reg .${c} ${prefix[c]}<${this.counts[c]}>;`] : [],
    ); // the table's keys are exactly RegClass
    return [...regs, ...this.lines].join("\n");
  }
}

const scratch = new DataView(new ArrayBuffer(8));
/** A constant as PTX writes it: floats by their bits. */
export function literal(d: DType, x: number): string {
  switch (classOf(d)) {
    case "f32":
      scratch.setFloat32(0, x);
      return `0f${scratch.getUint32(0).toString(16).toUpperCase().padStart(8, "0")}`;
    case "f64":
      scratch.setFloat64(0, x);
      return `0d${scratch.getBigUint64(0).toString(16).toUpperCase().padStart(16, "0")}`;
    default:
      return String(d === "u32" || d === "u8" ? x >>> 0 : x | 0);
  }
}
