// A module as WebAssembly text, read from its bytes: what runs is what is shown. An assembler gives the same bytes back, the name section aside.
// It reads what module.ts writes and refuses the rest of the format.
import { InternalError } from "../../../../runtime/errors/error.ts";
import { codeText, constant, Reader, type Names } from "./text_code.ts";

/** Text of a module that `ModuleBuilder` has written. */
export function moduleText(bytes: Uint8Array): string {
  const r = new Reader(bytes),
    sections = new Map<number, Reader>();
  r.take(8); // magic and version
  while (!r.done) {
    const id = r.byte();
    sections.set(id, r.part(r.unsigned()));
  }
  /** Each entry of a section; none when it is absent. */
  const entries = <T>(id: number, entry: (one: Reader, i: number) => T): T[] => {
    const section = sections.get(id);
    let i = 0;
    return section ? section.list(() => entry(section, i++)) : [];
  };
  const signatures = entries(1, signature),
    imports = entries(2, importOf),
    funcs = entries(3, one => one.unsigned()),
    ofKind = (kind: Import["kind"]): string[] => imports.flatMap(i => (i.kind === kind ? [i.name] : []));
  const [importedFuncs, importedGlobals] = [ofKind("func"), ofKind("global")],
    own = ownNames(sections.get(0)),
    taken = new Map<string, number>();
  const func = [...importedFuncs, ...funcs.map((_, i) => `$${own.get(importedFuncs.length + i) ?? `func${i}`}`)].map(name => {
    const before = taken.get(name) ?? 0;
    taken.set(name, before + 1);
    return before === 0 ? name : `${name}.${before}`;
  });
  const names: Names = {
    func: index => func[index] ?? `${index}`,
    global: index => importedGlobals[index] ?? `$global${index - importedGlobals.length}`,
  };
  const lines = [
    ...signatures.map((s, i) => `(type (;${i};) (func${s}))`),
    ...imports.map(i => i.text),
    ...entries(4, one => (one.byte() === 0x70 ? `(table ${limits(one)} funcref)` : refuse("a table of something but functions"))),
    ...entries(5, one => `(memory ${limits(one)})`),
    ...entries(6, (one, i) => {
      const type = globalType(one),
        value = expression(one);
      return `(global ${names.global(importedGlobals.length + i)} ${type} (${value}))`;
    }),
    ...entries(7, one => exportText(one, names)),
    ...[sections.get(8)].flatMap(start => (start ? [`(start ${names.func(start.unsigned())})`] : [])),
    ...entries(9, one => {
      one.byte(); // the only table, at a constant offset
      return `(elem (${expression(one)}) func ${one.list(() => names.func(one.unsigned())).join(" ")})`;
    }),
    ...entries(10, (one, i) => {
      const body = one.part(one.unsigned()),
        type = funcs[i] ?? 0;
      const locals = body.list(() => ({ count: body.unsigned(), type: body.valType() })),
        head = `(func ${names.func(importedFuncs.length + i)} (type ${type})${signatures[type] ?? ""}`;
      return [
        head,
        ...locals.map(l => `  (local${` ${l.type}`.repeat(l.count)})`),
        ...codeText(body, names).map(line => `  ${line}`),
        ")",
      ].join("\n  ");
    }),
    ...entries(11, one => {
      const at = one.byte() === 0 ? `(${expression(one)}) ` : "";
      return `(data ${at}"${[...one.take(one.unsigned())].map(b => `\\${b.toString(16).padStart(2, "0")}`).join("")}")`;
    }),
  ];
  return `(module\n${lines.map(l => `  ${l}\n`).join("")})\n`;
}

interface Import {
  readonly kind: "func" | "memory" | "global";
  readonly name: string;
  readonly text: string;
}
function importOf(r: Reader): Import {
  const from = r.name(),
    what = r.name(),
    kind = r.byte(),
    name = `$${from}.${what}`;
  const text = (as: string): string => `(import "${from}" "${what}" (${as}))`;
  switch (kind) {
    case 0x00:
      return { kind: "func", name, text: text(`func ${name} (type ${r.unsigned()})`) };
    case 0x02:
      return { kind: "memory", name, text: text(`memory ${limits(r)}`) };
    case 0x03:
      return { kind: "global", name, text: text(`global ${name} ${globalType(r)}`) };
    default:
      return refuse(`an import of kind ${kind}`);
  }
}
function exportText(r: Reader, names: Names): string {
  const name = r.name(),
    kind = r.byte(),
    index = r.unsigned();
  const what = [`func ${names.func(index)}`, `table ${index}`, `memory ${index}`, `global ${names.global(index)}`][kind];
  return `(export "${name}" (${what ?? refuse(`an export of kind ${kind}`)}))`;
}
function signature(r: Reader): string {
  r.byte(); // func
  const of = (word: string): string => {
    const types = r.list(() => r.valType());
    return types.length > 0 ? ` (${word} ${types.join(" ")})` : "";
  };
  return of("param") + of("result");
}
function limits(r: Reader): string {
  const flags = r.byte();
  return [r.unsigned(), ...(flags & 1 ? [r.unsigned()] : []), ...(flags & 2 ? ["shared"] : [])].join(" ");
}
function globalType(r: Reader): string {
  const type = r.valType();
  return r.byte() === 1 ? `(mut ${type})` : type;
}
/** A constant and its `end`. */
function expression(r: Reader): string {
  const first = r.byte(),
    value = constant(first === 0xfd ? (first << 16) | r.unsigned() : first, r);
  r.byte();
  return value;
}
/** The function names of the name section, which may hold nothing else. */
function ownNames(r: Reader | undefined): ReadonlyMap<number, string> {
  if (!r || r.name() !== "name" || r.byte() !== 1) return new Map();
  r.unsigned(); // size
  return new Map(r.list(() => [r.unsigned(), r.name()] as const));
}
const refuse = (what: string): never => {
  throw new InternalError(`${what} is not read`);
};
