// Text -> Func, the inverse of print. Input may be hostile: size, depth and counts are limited before anything is built, and every error says where.
import { dtypes, type DType } from "../../runtime/dtype.ts";
import { PullbackError } from "../../runtime/errors/error.ts";
import { sameAval, showAval, type Aval } from "./aval.ts";
import { freshVar, literal, type Atom, type Eqn, type Func, type Params, type Var } from "./func.ts";
import type { Primitive } from "./primitive.ts";

/** Most characters, equations and nested programs that are read. */
export const parseLimits = { characters: 10_000_000, eqns: 1_000_000, depth: 64, rank: 32 } as const;

/** Read a printed program. `primitives`: those the text may name. @throws E0602 with line and column. */
export function parseFunc(text: string, primitives: Iterable<Primitive>): Func {
  if (text.length > parseLimits.characters)
    throw new PullbackError("E0602", `program text of ${text.length} characters, at most ${parseLimits.characters} are read`);
  const byName = new Map<string, Primitive>();
  for (const p of primitives) byName.set(p.name, p);
  const parser = new Parser(text, byName);
  const f = parser.func(0);
  parser.end();
  return f;
}

const tokenPattern = /\s*(?:#[^\n]*\n\s*)*([A-Za-z_$][\w$.]*|-?(?:\d+\.?\d*(?:e[+-]?\d+)?|inf)\b|"(?:[^"\\\n]|\\.)*"|[()[\]{},:=]|$)/y;

class Parser {
  private readonly text: string;
  private readonly byName: ReadonlyMap<string, Primitive>;
  private at = 0;
  private token = "";
  private tokenAt = 0;
  private eqns = 0;

  constructor(text: string, byName: ReadonlyMap<string, Primitive>) {
    this.text = text;
    this.byName = byName;
    this.advance();
  }
  end(): void {
    if (this.token !== "") this.fail("the end of the text");
  }

  func(depth: number): Func {
    if (depth > parseLimits.depth) this.refuse(`programs nested deeper than ${parseLimits.depth}`);
    this.expect("func");
    const env = new Map<string, Var>();
    const params = this.list("(", ")", () => this.binding(env));
    this.expect("{");
    const eqns: Eqn[] = [];
    while (!this.is("return")) eqns.push(this.eqn(env, depth));
    this.advance();
    const results: Atom[] = [];
    if (!this.is("}")) {
      do results.push(this.atom(env));
      while (this.take(","));
    }
    this.expect("}");
    return { params, eqns, results };
  }
  private eqn(env: Map<string, Var>, depth: number): Eqn {
    if (++this.eqns > parseLimits.eqns) this.refuse(`more than ${parseLimits.eqns} equations`);
    const bindings: { name: string; a: Aval }[] = [];
    do bindings.push(this.typedName());
    while (this.take(","));
    this.expect("=");
    const prim = this.byName.get(this.token) ?? this.fail("a known primitive");
    this.advance();
    const params = this.token === "[" ? this.params(depth) : {};
    const ins: Atom[] = [];
    while (this.isAtom()) ins.push(this.atom(env));
    const want = this.types(prim, ins, params);
    if (want.length !== bindings.length) this.refuse(`${prim.name} gives ${want.length} results, the text names ${bindings.length}`);
    const outs = bindings.map(({ name, a }, i) => {
      const w = want[i] as Aval; // lengths agree
      if (!sameAval(w, a)) this.refuse(`${prim.name} gives ${showAval(w)}, the text says ${showAval(a)}`);
      return this.define(env, name, a);
    });
    return { prim, ins, params, outs };
  }
  /** The primitive's own rule, which may trip over parameters that no program would give it. */
  private types(prim: Primitive, ins: readonly Atom[], params: Params): readonly Aval[] {
    try {
      const rule = prim.aval(
        ins.map(a => a.aval),
        params,
      );
      return Array.isArray(rule) ? (rule as readonly Aval[]) : [rule as Aval]; // Array.isArray does not narrow readonly arrays
    } catch (e) {
      if (e instanceof PullbackError) throw e;
      return this.refuse(`${prim.name} does not take these operands and parameters`);
    }
  }
  /** After an equation's operands comes `name:` of the next binding, `return`, or a name followed by `,`. A binding is a name whose next character is ":". */
  private isAtom(): boolean {
    if (/^-?(\d|inf$)/.test(this.token) || this.token === "nan" || this.token === "inf") return true;
    if (!/^[A-Za-z_$]/.test(this.token) || this.token === "return") return false;
    return this.text[this.at] !== ":";
  }
  private atom(env: ReadonlyMap<string, Var>): Atom {
    const t = this.token;
    if (/^-?\d/.test(t) || t === "inf" || t === "-inf" || t === "nan") {
      this.advance();
      this.expect(":");
      return literal(toNumber(t), this.dtype());
    }
    const v = env.get(t) ?? this.fail("a defined variable");
    this.advance();
    return v;
  }
  private binding(env: Map<string, Var>): Var {
    const { name, a } = this.typedName();
    return this.define(env, name, a);
  }
  private define(env: Map<string, Var>, name: string, a: Aval): Var {
    if (env.has(name)) this.refuse(`${name} is defined twice`);
    const v = freshVar(a);
    env.set(name, v);
    return v;
  }
  private typedName(): { name: string; a: Aval } {
    if (!/^[a-z]+_?$/.test(this.token)) this.fail("a variable name");
    const name = this.token;
    this.advance();
    this.expect(":");
    const dtype = this.dtype();
    const shape = this.list("[", "]", () => this.size());
    if (shape.length > parseLimits.rank) this.refuse(`rank ${shape.length}`);
    return { name, a: { dtype, shape } };
  }
  private dtype(): DType {
    const d = dtypes.find(x => x === this.token) ?? this.fail(`one of ${dtypes.join(", ")}`);
    this.advance();
    return d;
  }
  private size(): number {
    const n = Number(this.token);
    if (!/^\d+$/.test(this.token) || !Number.isSafeInteger(n)) this.fail("a size");
    this.advance();
    return n;
  }
  private params(depth: number): Params {
    const entries = this.list("[", "]", (): [string, unknown] => {
      const key = this.key();
      this.expect("=");
      return [key, this.value(depth)];
    });
    return Object.fromEntries(entries);
  }
  private key(): string {
    const key = this.token;
    if (!/^[A-Za-z_$][\w$]*$/.test(key) || key === "__proto__" || key === "constructor" || key === "prototype")
      this.fail("a parameter name");
    this.advance();
    return key;
  }
  private value(depth: number): unknown {
    if (depth > parseLimits.depth) this.refuse(`parameters nested deeper than ${parseLimits.depth}`);
    const t = this.token;
    if (t === "func") return this.func(depth + 1);
    if (t === "[") return this.list("[", "]", () => this.value(depth + 1));
    if (t === "{")
      return Object.fromEntries(
        this.list("{", "}", (): [string, unknown] => {
          const k = this.key();
          this.expect(":");
          return [k, this.value(depth + 1)];
        }),
      );
    this.advance();
    if (t === "true") return true;
    if (t === "false") return false;
    if (t === "null") return null;
    if (t.startsWith('"')) {
      try {
        return JSON.parse(t) as unknown; // a string token
      } catch {
        return this.refuse(`the string ${t}`);
      }
    }
    if (/^-?\d/.test(t) || t === "inf" || t === "-inf" || t === "nan") return toNumber(t);
    return this.refuse(`the parameter value ${JSON.stringify(t)}`);
  }
  private list<T>(open: string, close: string, item: () => T): T[] {
    this.expect(open);
    const items: T[] = [];
    if (!this.take(close)) {
      do items.push(item());
      while (this.take(","));
      this.expect(close);
    }
    return items;
  }
  private is(t: string): boolean {
    return this.token === t;
  }
  private take(t: string): boolean {
    if (this.token !== t) return false;
    this.advance();
    return true;
  }
  private expect(t: string): void {
    if (!this.take(t)) this.fail(`"${t}"`);
  }
  private advance(): void {
    tokenPattern.lastIndex = this.at;
    const m = tokenPattern.exec(this.text);
    if (!m || m[1] === undefined) {
      const [, space = "", word = ""] = /^(\s*)(\S*)/.exec(this.text.slice(this.at, this.at + 40)) ?? [];
      this.tokenAt = this.at + space.length;
      this.token = word;
      this.fail("a token");
    } else {
      this.token = m[1];
      this.at = tokenPattern.lastIndex;
      this.tokenAt = this.at - this.token.length;
    }
  }
  private fail(wanted: string): never {
    return this.refuse(`expected ${wanted}, found ${this.token === "" ? "the end" : JSON.stringify(this.token)}`);
  }
  private refuse(fact: string): never {
    const before = this.text.slice(0, this.tokenAt).split("\n");
    throw new PullbackError("E0602", `program text, line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}: ${fact}`, {
      help: 'print shows what parse reads: jit(f).lower(...args).text("func")',
    });
  }
}
const toNumber = (t: string): number => (t === "inf" ? Infinity : t === "-inf" ? -Infinity : t === "nan" ? NaN : Number(t));
