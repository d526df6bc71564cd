// Tokens -> the module as data. Recursive descent; what the interpreter has no use for (debug sections, linking hints) is read over.
import { PtxError } from "../errors.ts";
import { tokens, type Token } from "./lexer.ts";
import {
  TYPE_BYTES,
  type EntryText,
  type Instruction,
  type MemoryDeclaration,
  type ModuleText,
  type Operand,
  type Statement,
} from "./syntax.ts";

/** The module that `text` says. @throws PtxError */
export const parseModule = (text: string): ModuleText => new Parser(text).module();

const SPACES: Readonly<Record<string, MemoryDeclaration["space"]>> = {
  ".shared": "shared",
  ".local": "local",
  ".global": "global",
  ".const": "const",
  ".param": "param",
};

class Parser {
  private readonly text: readonly string[];
  private readonly all: readonly Token[];
  private at = 0;
  constructor(text: string) {
    this.text = text.split("\n");
    this.all = tokens(text);
  }

  module(): ModuleText {
    let version = 0,
      target = "";
    const memory: MemoryDeclaration[] = [],
      entries: EntryText[] = [];
    while (this.peek().kind !== "end") {
      const t = this.next();
      if (t.text === ".version") version = Number(this.next().text);
      else if (t.text === ".target") {
        target = this.next().text;
        while (this.accept(",")) this.next();
      } else if (t.text === ".address_size") {
        if (this.next().text !== "64") throw new PtxError(t.line, "only 64-bit addresses are supported");
      } else if (t.text === ".visible" || t.text === ".weak" || t.text === ".extern") {
        if (this.peek().text in SPACES) memory.push(...this.memory(SPACES[this.next().text] ?? "shared", t.text === ".extern"));
      } else if (t.text === ".entry") entries.push(this.entry());
      else if (t.text in SPACES) memory.push(...this.memory(SPACES[t.text] ?? "shared", false));
      else if (t.text === ".file") this.skipLine(t.line);
      else if (t.text === ".section") this.skipBraces();
      else throw new PtxError(t.line, `unexpected ${t.text} in a module`);
    }
    if (version === 0) throw new PtxError(1, "missing .version");
    if (target === "") throw new PtxError(1, "missing .target");
    return { version, target, memory, entries };
  }

  private entry(): EntryText {
    const name = this.next(),
      params: MemoryDeclaration[] = [],
      directives = new Map<string, readonly number[]>();
    if (this.accept("("))
      while (!this.accept(")")) {
        this.expect(".param");
        params.push(...this.declarators("param", false));
        this.accept(",");
      }
    while (this.peek().kind === "directive") {
      const d = this.next(),
        values: number[] = [];
      while (this.peek().kind === "integer") {
        values.push(Number(this.next().text));
        this.accept(",");
      }
      directives.set(d.text.slice(1), values);
    }
    this.expect("{");
    return { line: name.line, name: name.text, params, directives, body: this.body() };
  }

  private body(): Statement[] {
    const out: Statement[] = [];
    while (!this.accept("}")) {
      const t = this.peek();
      if (t.kind === "end") throw new PtxError(t.line, "a body does not end");
      if (this.accept("{")) out.push({ kind: "block", line: t.line, body: this.body() });
      else if (t.text === ".reg") out.push(this.registers());
      else if (t.text in SPACES) {
        this.next();
        out.push(...this.memory(SPACES[t.text] ?? "shared", false));
      } else if (t.text === ".loc" || t.text === ".pragma") this.skipLine(t.line);
      else if (t.kind === "word" && this.all[this.at + 1]?.text === ":") {
        this.at += 2;
        out.push({ kind: "label", line: t.line, name: t.text });
      } else if (!this.accept(";")) out.push(this.instruction());
    }
    return out;
  }

  private registers(): Statement {
    const { line } = this.next(),
      type = this.next().text.slice(1),
      names: string[] = [];
    if (!(type in TYPE_BYTES)) throw new PtxError(line, `unknown register type .${type}`);
    do {
      const { text } = this.next();
      if (this.accept("<")) {
        const n = Number(this.next().text);
        for (let i = 0; i < n; i++) names.push(text + String(i));
        this.expect(">");
      } else names.push(text);
    } while (this.accept(","));
    this.expect(";");
    return { kind: "registers", line, type, names };
  }

  private memory(space: MemoryDeclaration["space"], extern: boolean): MemoryDeclaration[] {
    const out = this.declarators(space, extern);
    this.expect(";");
    return out;
  }
  /** `.align 16 .b8 name[64]`, and for variables `, name…`. */
  private declarators(space: MemoryDeclaration["space"], extern: boolean): MemoryDeclaration[] {
    let align = 0,
      type = "";
    while (this.peek().kind === "directive") {
      const d = this.next();
      if (d.text === ".align") align = Number(this.next().text);
      else if (d.text.slice(1) in TYPE_BYTES) type = d.text.slice(1);
      else if (d.text !== ".ptr" && !(d.text in SPACES)) throw new PtxError(d.line, `unexpected ${d.text} in a declaration`);
    }
    const size = TYPE_BYTES[type] ?? 0,
      out: MemoryDeclaration[] = [];
    for (;;) {
      const name = this.next();
      if (size === 0) throw new PtxError(name.line, `${name.text} has no type`);
      let elements = 1,
        open = false;
      while (this.accept("[")) {
        if (this.accept("]")) open = true;
        else {
          elements *= Number(this.next().text);
          this.expect("]");
        }
      }
      if (this.peek().text === "=") throw new PtxError(name.line, "initialised variables are not supported");
      out.push({
        kind: "memory",
        line: name.line,
        space,
        name: name.text,
        align: Math.max(align, size),
        bytes: open ? 0 : elements * size,
        dynamic: open && extern,
      });
      if (space === "param" || !this.accept(",")) return out;
    }
  }

  private instruction(): Instruction {
    let guard: Instruction["guard"];
    const first = this.peek();
    if (this.accept("@")) {
      const negated = this.accept("!");
      guard = { name: this.next().text, negated };
    }
    const word = this.next();
    if (word.kind !== "word") throw new PtxError(word.line, `expected an instruction, got ${word.text}`);
    const [op = "", ...mods] = word.text.split("."),
      operands: Operand[] = [];
    if (!this.accept(";")) {
      do operands.push(this.operand());
      while (this.accept(","));
      const t = this.next();
      if (t.text !== ";") throw new PtxError(t.line, `expected ; after the operands of ${word.text}, got ${t.text}`);
    }
    return { kind: "instruction", line: first.line, guard, op, mods, operands, text: (this.text[first.line - 1] ?? "").trim() };
  }

  private operand(): Operand {
    const a = this.simple();
    return this.accept("|") ? { kind: "pair", first: a, second: this.simple() } : a;
  }
  private simple(): Operand {
    const t = this.next();
    if (t.text === "{") {
      const parts: Operand[] = [];
      do parts.push(this.operand());
      while (this.accept(","));
      this.expect("}");
      return { kind: "vector", parts };
    }
    if (t.text === "[") return this.address();
    if (t.text === "!") return { kind: "not", of: this.simple() };
    if (t.text === "-" || t.text === "+") {
      const x = this.simple(),
        sign = t.text === "-" ? -1 : 1;
      if (x.kind === "integer") return { kind: "integer", value: x.value * BigInt(sign) };
      if (x.kind === "decimal") return { kind: "decimal", value: x.value * sign };
      throw new PtxError(t.line, `${t.text} before what is not a number`);
    }
    if (t.text === "_") return { kind: "sink" };
    switch (t.kind) {
      case "integer":
        return { kind: "integer", value: BigInt(t.text.replace("U", "")) };
      case "float":
        return { kind: "float", bits: BigInt(`0x${t.text.slice(2)}`), width: t.text.length === 10 ? 32 : 64 };
      case "decimal":
        return { kind: "decimal", value: Number(t.text) };
      case "word":
        return { kind: "name", name: t.text };
      default:
        throw new PtxError(t.line, `expected an operand, got ${t.text}`);
    }
  }
  private address(): Operand {
    const base = this.simple();
    let offset = 0n,
      coordinates: Operand | undefined;
    while (this.peek().text === "+" || this.peek().text === "-") {
      const t = this.next(),
        x = this.simple();
      if (x.kind !== "integer") throw new PtxError(t.line, "an address is a base and a constant");
      offset += t.text === "-" ? -x.value : x.value;
    }
    if (this.accept(",")) coordinates = this.simple();
    this.expect("]");
    return { kind: "address", base, offset, coordinates };
  }

  private peek(): Token {
    return this.all[Math.min(this.at, this.all.length - 1)] as Token; // never empty
  }
  private next(): Token {
    const t = this.peek();
    this.at++;
    return t;
  }
  private accept(text: string): boolean {
    if (this.peek().text !== text) return false;
    this.at++;
    return true;
  }
  private expect(text: string): void {
    const t = this.next();
    if (t.text !== text) throw new PtxError(t.line, `expected ${text}, got ${t.text}`);
  }
  private skipLine(line: number): void {
    while (this.peek().line === line && this.peek().kind !== "end") this.at++;
  }
  private skipBraces(): void {
    while (this.next().text !== "{");
    for (let depth = 1; depth > 0;) {
      const t = this.next();
      if (t.kind === "end") throw new PtxError(t.line, "a section does not end");
      depth += t.text === "{" ? 1 : t.text === "}" ? -1 : 0;
    }
  }
}
