// The names under which a rewritten file reaches the operators: their own, unless the file uses one of them for something else.

/** Hands out names and remembers which were asked for. */
export class Names {
  private readonly taken: ReadonlySet<string>;
  private readonly used = new Map<string, string>();
  /** `taken`: every identifier of the file. */
  constructor(taken: ReadonlySet<string>) {
    this.taken = taken;
  }
  /** The name of operator `name` (`$add`) in this file. */
  of(name: string): string {
    const known = this.used.get(name);
    if (known !== undefined) return known;
    const own = this.fresh(name);
    this.used.set(name, own);
    return own;
  }
  /** A name like `name` that the file does not use. */
  fresh(name: string): string {
    let own = name;
    while (this.taken.has(own)) own += "$";
    return own;
  }
  /** The import that the file needs, or nothing. */
  importFrom(module: string): string {
    if (this.used.size === 0) return "";
    const list = [...this.used].map(([name, own]) => (name === own ? name : `${name} as ${own}`));
    return `\nimport { ${list.join(", ")} } from ${JSON.stringify(module)};\n`;
  }
}
