// ModuleBuilder: sections of a WebAssembly module, collected in any order and written in the order the format demands.
// Why: one compiled program is one module; emitters add functions, globals and data to it and never see an index.
// It refuses multiple memories and multiple tables, which no emitter needs, and leaves validation to the engine.
import { unreachable } from "../../../../runtime/errors/error.ts";
import { append, float32, float64, signed32, signed64, unsigned, utf8, VALTYPE, vector } from "./bytes.ts";
import type { Bytes, ValType } from "./bytes.ts";
import { FuncBuilder } from "./function.ts";
import type { FuncRef, FuncType, GlobalRef, Ref } from "./function.ts";

/** Size of a memory in 64 KiB pages. A shared memory needs a maximum. */
export interface MemoryType {
  readonly initial: number;
  readonly maximum?: number;
  readonly shared?: boolean;
}

/** Type, mutability and initial value of a global; v128 globals start at zero. */
export type GlobalInit =
  | { readonly type: "i32" | "f32" | "f64"; readonly value: number; readonly mutable?: boolean }
  | { readonly type: "i64"; readonly value: bigint; readonly mutable?: boolean }
  | { readonly type: "v128"; readonly mutable?: boolean };

type Memory = MemoryType & ({ readonly kind: "import"; readonly from: ImportName } | { readonly kind: "own" });
interface ImportName {
  readonly module: string;
  readonly name: string;
}
interface Export {
  readonly name: string;
  readonly write: (out: Bytes) => void;
}

/** Collects a module; `finish` writes it. Type signatures are shared; order of calls is free, except that it numbers what it adds. */
export class ModuleBuilder {
  readonly #types: FuncType[] = [];
  readonly #typeIndex = new Map<string, number>();
  readonly #funcImports: { readonly from: ImportName; readonly ref: FuncRef }[] = [];
  readonly #globalImports: { readonly from: ImportName; readonly type: ValType; readonly mutable: boolean }[] = [];
  readonly #funcs: FuncBuilder[] = [];
  readonly #globals: GlobalInit[] = [];
  readonly #elements: FuncRef[] = [];
  readonly #exports: Export[] = [];
  readonly #data: { readonly offset: number | undefined; readonly bytes: Uint8Array }[] = [];
  #memory: Memory | undefined;
  #tableExported: string | undefined;
  #start: FuncRef | undefined;

  /** Imports the module's memory. */
  importMemory(module: string, name: string, type: MemoryType): void {
    this.#memory = { ...type, kind: "import", from: { module, name } };
  }
  /** Gives the module a memory of its own. Export it with `exportMemory`. */
  defineMemory(type: MemoryType): void {
    this.#memory = { ...type, kind: "own" };
  }
  /** Exports the memory. */
  exportMemory(name: string): void {
    this.#exports.push({ name, write: out => out.push(0x02, 0) });
  }

  /** Imports a function. */
  importFunc(module: string, name: string, type: FuncType): FuncRef {
    const ref: FuncRef = { space: "func", imported: true, position: this.#funcImports.length, type };
    this.#funcImports.push({ from: { module, name }, ref });
    return ref;
  }
  /** Imports a global. */
  importGlobal(module: string, name: string, type: ValType, mutable: boolean = false): GlobalRef {
    this.#globalImports.push({ from: { module, name }, type, mutable });
    return { space: "global", imported: true, position: this.#globalImports.length - 1, type };
  }

  /** Adds a function; fill it through the builder at any time before `finish`. `name` is for stack traces and profiles only. */
  func(name: string, params: readonly ValType[] = [], results: readonly ValType[] = []): FuncBuilder {
    const f = new FuncBuilder(name, { params, results }, this.#funcs.length, type => this.#intern(type));
    this.#funcs.push(f);
    return f;
  }
  /** Adds a global variable or, by default, constant. */
  global(init: GlobalInit): GlobalRef {
    this.#globals.push(init);
    return { space: "global", imported: false, position: this.#globals.length - 1, type: init.type };
  }
  /** Puts a function in the table; returns its slot for `callIndirect`. */
  element(func: FuncRef): number {
    return this.#elements.push(func) - 1;
  }

  /** Exports a function. */
  exportFunc(name: string, func: FuncRef): void {
    this.#exports.push({
      name,
      write: out => {
        out.push(0x00);
        unsigned(out, this.#indexOf(func));
      },
    });
  }
  /** Exports a global. */
  exportGlobal(name: string, global: GlobalRef): void {
    this.#exports.push({
      name,
      write: out => {
        out.push(0x03);
        unsigned(out, this.#indexOf(global));
      },
    });
  }
  /** Exports the function table. */
  exportTable(name: string): void {
    this.#tableExported = name;
  }
  /** Runs a function of type () -> () at instantiation. */
  start(func: FuncRef): void {
    this.#start = func;
  }

  /** Bytes copied to an address at every instantiation: not for a shared memory that lives on. */
  data(offset: number, bytes: Uint8Array): void {
    this.#data.push({ offset, bytes });
  }
  /** Bytes for `memoryInit`; returns the segment number. */
  passiveData(bytes: Uint8Array): number {
    return this.#data.push({ offset: undefined, bytes }) - 1;
  }

  /** The binary module. With `names`, function names are included. Pure: may be called again after more is added. */
  finish(options: { readonly names?: boolean } = {}): Uint8Array<ArrayBuffer> {
    const out: Bytes = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
    for (const f of this.#funcs) this.#intern(f.type);
    for (const { ref } of this.#funcImports) this.#intern(ref.type);
    const section = (id: number, count: number, write: (body: Bytes) => void): void => {
      if (count === 0) return;
      const body: Bytes = [];
      write(body);
      out.push(id);
      unsigned(out, body.length);
      append(out, body);
    };
    const memory = this.#memory;
    const imports = this.#importEntries();
    const table = this.#elements.length > 0 || this.#tableExported !== undefined;
    const exports =
      this.#tableExported === undefined
        ? this.#exports
        : [...this.#exports, { name: this.#tableExported, write: (b: Bytes) => b.push(0x01, 0) }];
    section(1, this.#types.length, b => vector(b, this.#types, writeFuncType));
    section(2, imports.length, b => vector(b, imports, (o, write) => write(o)));
    section(3, this.#funcs.length, b => vector(b, this.#funcs, (o, f) => unsigned(o, this.#intern(f.type))));
    section(4, table ? 1 : 0, b => {
      b.push(1, 0x70, 0x01);
      unsigned(b, this.#elements.length);
      unsigned(b, this.#elements.length);
    });
    section(5, memory?.kind === "own" ? 1 : 0, b => vector(b, memory ? [memory] : [], writeMemoryType));
    section(6, this.#globals.length, b => vector(b, this.#globals, writeGlobal));
    section(7, exports.length, b =>
      vector(b, exports, (o, e) => {
        utf8(o, e.name);
        e.write(o);
      }),
    );
    section(8, this.#start ? 1 : 0, b => unsigned(b, this.#start ? this.#indexOf(this.#start) : 0));
    section(9, this.#elements.length > 0 ? 1 : 0, b => {
      b.push(1, 0x00, 0x41, 0x00, 0x0b);
      vector(b, this.#elements, (o, f) => unsigned(o, this.#indexOf(f)));
    });
    section(12, this.#data.length, b => unsigned(b, this.#data.length));
    section(10, this.#funcs.length, b =>
      vector(b, this.#funcs, (o, f) => {
        const code = f.body(ref => this.#indexOf(ref));
        unsigned(o, code.length);
        append(o, code);
      }),
    );
    section(11, this.#data.length, b => vector(b, this.#data, writeData));
    section(0, options.names ? 1 : 0, b => this.#writeNames(b));
    return Uint8Array.from(out);
  }

  #intern(type: FuncType): number {
    const key = `${type.params.join()}>${type.results.join()}`;
    const found = this.#typeIndex.get(key);
    if (found !== undefined) return found;
    this.#typeIndex.set(key, this.#types.length);
    return this.#types.push(type) - 1;
  }
  #indexOf(ref: Ref<"func" | "global">): number {
    if (ref.imported) return ref.position;
    return ref.position + (ref.space === "func" ? this.#funcImports.length : this.#globalImports.length);
  }
  #importEntries(): ((out: Bytes) => void)[] {
    const entry =
      (from: ImportName, kind: number, write: (out: Bytes) => void) =>
      (out: Bytes): void => {
        utf8(out, from.module);
        utf8(out, from.name);
        out.push(kind);
        write(out);
      };
    const memory = this.#memory;
    return [
      ...this.#funcImports.map(({ from, ref }) => entry(from, 0x00, o => unsigned(o, this.#intern(ref.type)))),
      ...(memory?.kind === "import" ? [entry(memory.from, 0x02, o => writeMemoryType(o, memory))] : []),
      ...this.#globalImports.map(({ from, type, mutable }) => entry(from, 0x03, o => o.push(VALTYPE[type], mutable ? 1 : 0))),
    ];
  }
  #writeNames(out: Bytes): void {
    const body: Bytes = [];
    vector(body, this.#funcs, (o, f) => {
      unsigned(o, this.#indexOf(f));
      utf8(o, f.name);
    });
    utf8(out, "name");
    out.push(1);
    unsigned(out, body.length);
    append(out, body);
  }
}

function writeFuncType(out: Bytes, type: FuncType): void {
  const one = (o: Bytes, t: ValType): void => {
    o.push(VALTYPE[t]);
  };
  out.push(0x60);
  vector(out, type.params, one);
  vector(out, type.results, one);
}

function writeMemoryType(out: Bytes, { initial, maximum, shared }: MemoryType): void {
  out.push((maximum === undefined ? 0 : 1) | (shared ? 2 : 0));
  unsigned(out, initial);
  if (maximum !== undefined) unsigned(out, maximum);
}

function writeGlobal(out: Bytes, init: GlobalInit): void {
  out.push(VALTYPE[init.type], init.mutable ? 1 : 0);
  switch (init.type) {
    case "i32":
      out.push(0x41);
      signed32(out, init.value);
      break;
    case "i64":
      out.push(0x42);
      signed64(out, init.value);
      break;
    case "f32":
      out.push(0x43);
      float32(out, init.value);
      break;
    case "f64":
      out.push(0x44);
      float64(out, init.value);
      break;
    case "v128":
      out.push(0xfd, 0x0c);
      append(out, new Uint8Array(16));
      break;
    default:
      unreachable(init);
  }
  out.push(0x0b);
}

function writeData(out: Bytes, { offset, bytes }: { readonly offset: number | undefined; readonly bytes: Uint8Array }): void {
  if (offset === undefined) out.push(0x01);
  else {
    out.push(0x00, 0x41);
    signed32(out, offset);
    out.push(0x0b);
  }
  unsigned(out, bytes.length);
  append(out, bytes);
}
