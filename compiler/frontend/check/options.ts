// The command line of `pullback check`.
import { existsSync } from "node:fs";
import { relative, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";

/** What `pullback check --help` prints. */
export const usage: string = `usage: pullback check [--json] [--watch] [--project tsconfig.json] [--no-trace] FILE...

Type-checks the files with tensor scopes as they are rewritten, looks for what JavaScript cannot trap, and traces exported functions
whose parameters have known shapes (Tensor<["batch", 784], "f32">), without computing anything. The status is 1 when something was found.
`;
/** What the command was told. Paths are absolute. */
export interface Options {
  readonly files: readonly string[];
  readonly json: boolean;
  readonly watch: boolean;
  readonly trace: boolean;
  readonly project: string | undefined;
}

/** Reads the command line. @returns a sentence when it is wrong, an empty one when help is asked for */
export function parse(argv: readonly string[]): Options | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        json: { type: "boolean" },
        watch: { type: "boolean" },
        project: { type: "string" },
        "no-trace": { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
    if (values.help) return "";
    if (positionals.length === 0) return "a file is missing";
    const files = positionals.map(f => resolve(f)),
      missing = files.find(f => !existsSync(f));
    if (missing !== undefined) return `there is no file ${relative(process.cwd(), missing)}`;
    return { files, json: values.json ?? false, watch: values.watch ?? false, trace: !values["no-trace"], project: values.project };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
