// A kernel's text -> a program: memories laid out, every instruction decoded by its opcode's decoder, labels made places.
import { Decoding, type Decoder } from "./decode.ts";
import { PtxError } from "./errors.ts";
import type { Run } from "./lanes.ts";
import type { MachineOptions } from "./launch.ts";
import { DECODERS } from "./ops/table.ts";
import { KINDS, type Action, type Program, type PtxParam, type Sync } from "./program.ts";
import { Registers, type ModuleTarget } from "./registers.ts";
import type { EntryText, Instruction, MemoryDeclaration, Statement } from "./text/syntax.ts";
import { checked } from "./races/checked.ts";

interface Placed {
  readonly instruction: Instruction;
  readonly action: Action;
  readonly guard: number;
  readonly label: string | undefined;
}

/** The program of an entry. @throws PtxError naming the line of what is unknown or malformed */
export function link(entry: EntryText, memory: readonly MemoryDeclaration[], module: ModuleTarget, machine: MachineOptions): Program {
  return new Linker(entry, memory, module, machine).program();
}

const align = (x: number, to: number): number => Math.ceil(x / to) * to;

/** All memory that a body declares. */
const declarations = (body: readonly Statement[]): MemoryDeclaration[] =>
  body.flatMap(s => (s.kind === "memory" ? [s] : s.kind === "block" ? declarations(s.body) : []));

class Linker {
  private readonly entry: EntryText;
  private readonly machine: MachineOptions;
  private readonly registers: Registers;
  private readonly placed: Placed[] = [];
  private readonly labels = new Map<string, number>();
  private readonly params: PtxParam[] = [];
  private readonly places = new Map<MemoryDeclaration, number>();
  private paramBytes = 0;
  private sharedBytes = 0;
  private localBytes = 0;
  constructor(entry: EntryText, memory: readonly MemoryDeclaration[], module: ModuleTarget, machine: MachineOptions) {
    this.entry = entry;
    this.machine = machine;
    this.registers = new Registers(module);
    for (const p of entry.params) {
      const offset = align(this.paramBytes, p.align);
      this.params.push({ name: p.name, offset, bytes: p.bytes, align: p.align });
      this.registers.remember(p.line, p.name, { space: "param", address: offset });
      this.paramBytes = offset + p.bytes;
    }
    this.layOut([...memory, ...declarations(entry.body)]);
    for (const m of memory) this.memory(m);
    this.body(entry.body);
    if (this.paramBytes > 4096) throw new PtxError(entry.line, `${this.paramBytes} bytes of parameters, at most 4096`);
  }

  /** Places static memory one after another, dynamic shared memory after all of it. */
  private layOut(all: readonly MemoryDeclaration[]): void {
    const dynamic = (m: MemoryDeclaration): boolean => m.dynamic || m.bytes === 0;
    for (const m of all) {
      if (m.space === "global" || m.space === "const") throw new PtxError(m.line, `.${m.space} variables are not supported: ${m.name}`);
      if (dynamic(m)) continue;
      const local = m.space === "local",
        at = align(local ? this.localBytes : this.sharedBytes, m.align);
      this.places.set(m, at);
      if (local) this.localBytes = at + m.bytes;
      else this.sharedBytes = at + m.bytes;
    }
    const last = all.filter(dynamic);
    if (last.length === 0) return;
    this.sharedBytes = align(this.sharedBytes, Math.max(16, ...last.map(m => m.align)));
    for (const m of last) this.places.set(m, this.sharedBytes);
  }
  private memory(m: MemoryDeclaration): void {
    this.registers.remember(m.line, m.name, { space: m.space === "local" ? "local" : "shared", address: this.places.get(m) ?? 0 });
  }

  private body(statements: readonly Statement[]): void {
    this.registers.enter(statements.flatMap(s => (s.kind === "label" ? [s.name] : [])));
    for (const s of statements)
      switch (s.kind) {
        case "registers":
          this.registers.declare(s.line, s.type, s.names);
          break;
        case "memory":
          this.memory(s);
          break;
        case "label":
          this.labels.set(this.registers.label(s.line, s.name), this.placed.length);
          break;
        case "block":
          this.body(s.body);
          break;
        default:
          this.instruction(s);
      }
    this.registers.leave();
  }

  private instruction(i: Instruction): void {
    const decoder: Decoder | undefined = DECODERS[i.op];
    if (!decoder) throw new PtxError(i.line, `unknown instruction ${[i.op, ...i.mods].join(".")}`);
    const d = new Decoding(i, this.registers, this.machine);
    let guard = 0;
    if (i.guard) {
      const p = d.predicate({ kind: "name", name: i.guard.name });
      guard = i.guard.negated ? -(p + 1) : p + 1;
    }
    let action = decoder(d);
    d.finish();
    if (this.machine.races) action = checked(action, d);
    const label = action.kind === "branch" ? this.registers.label(i.line, action.label) : undefined;
    this.placed.push({ instruction: i, action, guard, label });
  }

  program(): Program {
    const { entry, placed, labels, registers } = this,
      n = placed.length + 1, // and a ret at the end
      never: Run = () => undefined,
      neverSync: Sync = () => "go",
      kinds = new Uint8Array(n),
      guards = new Int32Array(n),
      targets = new Int32Array(n).fill(-1),
      ends = new Int32Array(n),
      lines = new Int32Array(n);
    const leaders = new Set(labels.values());
    placed.forEach((p, i) => {
      kinds[i] = KINDS[p.action.kind];
      guards[i] = p.guard;
      lines[i] = p.instruction.line;
      if (p.label !== undefined) targets[i] = labels.get(p.label) ?? -1;
    });
    kinds[n - 1] = KINDS.exit;
    lines[n - 1] = lines[n - 2] ?? entry.line;
    for (let i = n - 1, end = n; i >= 0; i--) {
      if (kinds[i] !== KINDS.plain) end = i;
      ends[i] = end;
      if (leaders.has(i)) end = i;
    }
    const max = entry.directives.get("maxntid"),
      required = entry.directives.get("reqntid");
    const limit = max ?? required;
    return {
      name: entry.name,
      params: this.params,
      paramBytes: this.paramBytes,
      sharedBytes: this.sharedBytes,
      localBytes: align(this.localBytes, 16),
      maxThreads: limit?.reduce((a, b) => a * b, 1),
      requiredThreads: required && [required[0] ?? 1, required[1] ?? 1, required[2] ?? 1],
      constants: registers.file(),
      fileWords: registers.file().length,
      specials: registers.specials,
      predicates: registers.predicates,
      kinds,
      guards,
      targets,
      ends,
      lines,
      runs: [...placed.map(p => (p.action.kind === "plain" ? p.action.run : never)), never],
      syncs: [...placed.map(p => (p.action.kind === "sync" ? p.action.run : neverSync)), neverSync],
      texts: [...placed.map(p => p.instruction.text), "end of the kernel"],
    };
  }
}
