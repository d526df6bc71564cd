// Instructions as WebAssembly text: the inverse of function.ts over the same tables, one instruction a line, nested by indentation, branches by label.
// It reads what function.ts writes and refuses the rest of the format.
import { InternalError } from "../../../../runtime/errors/error.ts";
import { VALTYPE, type ValType } from "./bytes.ts";
import { ATOMIC, LANE, MEMORY, MEMORY_LANE, PLAIN } from "./opcodes.ts";

/** A place in a binary module, moving on as it is read. */
export class Reader {
  private readonly bytes: Uint8Array;
  private at: number;
  private readonly end: number;
  constructor(bytes: Uint8Array, at: number = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }
  get done(): boolean {
    return this.at >= this.end;
  }
  byte(): number {
    if (this.done) throw new InternalError(`the module ends in the middle of something, at byte ${this.at}`);
    return this.bytes[this.at++] ?? 0;
  }
  /** The next `n` bytes. */
  take(n: number): Uint8Array {
    return Uint8Array.from({ length: n }, () => this.byte());
  }
  /** A reader of the next `n` bytes, which are skipped. */
  part(n: number): Reader {
    const from = this.at;
    this.at += n;
    return new Reader(this.bytes, from, from + n);
  }
  unsigned(): number {
    let n = 0,
      scale = 1;
    for (;;) {
      const b = this.byte();
      n += (b & 0x7f) * scale;
      if (b < 0x80) return n;
      scale *= 0x80;
    }
  }
  signed(): bigint {
    let n = 0n,
      shift = 0n;
    for (;;) {
      const b = this.byte();
      n |= BigInt(b & 0x7f) << shift;
      shift += 7n;
      if (b < 0x80) return (b & 0x40) !== 0 ? n - (1n << shift) : n;
    }
  }
  name(): string {
    return new TextDecoder().decode(this.take(this.unsigned()));
  }
  valType(): ValType {
    const code = this.byte(),
      found = valTypes.get(code);
    if (!found) throw new InternalError(`no value type has the code ${code}`);
    return found;
  }
  list<T>(item: () => T): T[] {
    return Array.from({ length: this.unsigned() }, item);
  }
}
// a table's keys are exactly its key type
const valTypes = new Map(Object.entries(VALTYPE).map(([name, code]) => [code, name as ValType]));

/** Names for what instructions refer to by number. */
export interface Names {
  readonly func: (index: number) => string;
  readonly global: (index: number) => string;
}

type Immediate = "none" | "memory" | "lane" | "memoryLane";
const operations = new Map<number, readonly [name: string, immediate: Immediate, align: number]>([
  ...Object.entries(PLAIN).map(([name, code]) => [code, [name, "none", 0]] as const),
  ...Object.entries({ ...MEMORY, ...ATOMIC }).map(([name, [code, align]]) => [code, [name, "memory", align]] as const),
  ...Object.entries(LANE).map(([name, code]) => [code, [name, "lane", 0]] as const),
  ...Object.entries(MEMORY_LANE).map(([name, [code, align]]) => [code, [name, "memoryLane", align]] as const),
]);

/** The lines of a function body, the `end` of the function left out. */
export function codeText(r: Reader, names: Names): string[] {
  const lines: string[] = [],
    open: string[] = [];
  let labels = 0;
  const line = (text: string, depth: number = open.length): void => void lines.push("  ".repeat(depth) + text);
  const label = (): string => open[open.length - 1 - r.unsigned()] ?? "the function";
  const nest = (keyword: string): void => {
    const type = r.byte(),
      result = type === 0x40 ? "" : ` (result ${valTypes.get(type)})`;
    line(`${keyword} $${labels}${result}`);
    open.push(`$${labels++}`);
  };
  while (!r.done) {
    const first = r.byte(),
      code = first >= 0xfc ? (first << 16) | r.unsigned() : first;
    switch (code) {
      case 0x02:
        nest("block");
        break;
      case 0x03:
        nest("loop");
        break;
      case 0x04:
        nest("if");
        break;
      case 0x05:
        line("else", open.length - 1);
        break;
      case 0x0b:
        if (open.length > 0) {
          open.pop();
          line("end");
        }
        break;
      case 0x0c:
        line(`br ${label()}`);
        break;
      case 0x0d:
        line(`br_if ${label()}`);
        break;
      case 0x0e:
        line(`br_table ${[...r.list(label), label()].join(" ")}`);
        break;
      case 0x10:
        line(`call ${names.func(r.unsigned())}`);
        break;
      case 0x11:
        line(`call_indirect (type ${r.unsigned()})`);
        r.unsigned(); // the only table
        break;
      case 0x20:
        line(`local.get ${r.unsigned()}`);
        break;
      case 0x21:
        line(`local.set ${r.unsigned()}`);
        break;
      case 0x22:
        line(`local.tee ${r.unsigned()}`);
        break;
      case 0x23:
        line(`global.get ${names.global(r.unsigned())}`);
        break;
      case 0x24:
        line(`global.set ${names.global(r.unsigned())}`);
        break;
      case 0x3f:
      case 0x40:
        r.unsigned();
        line(code === 0x3f ? "memory.size" : "memory.grow");
        break;
      case 0x41:
      case 0x42:
      case 0x43:
      case 0x44:
      case 0xfd000c:
        line(constant(code, r));
        break;
      case 0xfc0008: {
        const segment = r.unsigned();
        r.unsigned();
        line(`memory.init ${segment}`);
        break;
      }
      case 0xfc0009:
        line(`data.drop ${r.unsigned()}`);
        break;
      case 0xfc000a:
        r.unsigned();
        r.unsigned();
        line("memory.copy");
        break;
      case 0xfc000b:
        r.unsigned();
        line("memory.fill");
        break;
      case 0xfd000d:
        line(`i8x16.shuffle ${[...r.take(16)].join(" ")}`);
        break;
      case 0xfe0003:
        r.unsigned();
        line("atomic.fence");
        break;
      default:
        line(operation(code, r));
    }
  }
  return lines;
}

function operation(code: number, r: Reader): string {
  const found = operations.get(code);
  if (!found) throw new InternalError(`no operation has the code 0x${code.toString(16)}`);
  const [name, immediate, natural] = found;
  switch (immediate) {
    case "none":
      return name;
    case "lane":
      return `${name} ${r.unsigned()}`;
    case "memory":
    case "memoryLane": {
      const align = r.unsigned(),
        offset = r.unsigned();
      return [
        name,
        ...(offset === 0 ? [] : [`offset=${offset}`]),
        ...(align === natural ? [] : [`align=${2 ** align}`]),
        ...(immediate === "memoryLane" ? [r.unsigned()] : []),
      ].join(" ");
    }
    default:
      return immediate satisfies never;
  }
}

/** The constant whose opcode has been read: i32, i64, f32, f64, v128. */
export function constant(code: number, r: Reader): string {
  switch (code) {
    case 0x41:
      return `i32.const ${r.signed()}`;
    case 0x42:
      return `i64.const ${r.signed()}`;
    case 0x43: {
      const view = new DataView(r.take(4).buffer);
      return `f32.const ${float(view.getFloat32(0, true), BigInt(view.getUint32(0, true)), 23n, 8n)}`;
    }
    case 0x44: {
      const view = new DataView(r.take(8).buffer);
      return `f64.const ${float(view.getFloat64(0, true), view.getBigUint64(0, true), 52n, 11n)}`;
    }
    case 0xfd000c: {
      const view = new DataView(r.take(16).buffer);
      return `v128.const i32x4 ${[0, 4, 8, 12].map(at => `0x${view.getUint32(at, true).toString(16).padStart(8, "0")}`).join(" ")}`;
    }
    default:
      throw new InternalError(`0x${code.toString(16)} is no constant`);
  }
}
/** A float by value; NaN by sign and payload. */
function float(x: number, bits: bigint, mantissa: bigint, exponent: bigint): string {
  if (!Number.isNaN(x)) return Object.is(x, -0) ? "-0" : x === Infinity ? "inf" : x === -Infinity ? "-inf" : `${x}`;
  return `${bits >> (mantissa + exponent) === 0n ? "" : "-"}nan:0x${(bits & ((1n << mantissa) - 1n)).toString(16)}`;
}
