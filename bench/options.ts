// The command line of the bench. A wrong value is an error that names the flag, the value and what is allowed.
import { parseArgs } from "node:util";
import { rows, select, type Row } from "./catalogue.ts";
import { columns, usual } from "./peers/list.ts";

/** What to run. */
export interface Options {
  readonly rows: readonly Row[];
  readonly columns: readonly string[];
  readonly quick: boolean;
  readonly out: string | undefined;
  readonly node: string;
}

/** The command line is wrong; the message says how. */
export class UsageError extends Error {}

/** The text of `--help`. */
export const help: string = `npm run bench -- [options]
  --rows a,b      only these rows (default: all but the heavy ones)
                  ${rows.map(r => (r.kind === "measured" && r.heavy ? `${r.id} (heavy)` : r.id)).join(" ")}
  --columns a,b   only these columns (default: ${usual.join(",")})
                  ${columns.map(c => c.id).join(" ")}
  --quick         fewer and shorter samples
  --out file.md   write the table there too
  --node path     the Node that the JavaScript columns run on (default: this one)
  --help
JAX and torch take part when PULLBACK_BENCH_PYTHON (else python3) has them. jax-js and tfjs are installed into .cache/bench.
`;

/** Reads the arguments after the program's name; undefined for --help. @throws UsageError */
export function parse(argv: readonly string[]): Options | undefined {
  const values = read(argv);
  if (values.help === true) return undefined;
  const { chosen, unknown } = select(list(values.rows));
  if (unknown.length > 0)
    throw new UsageError(`--rows ${values.rows}: there is no row "${unknown[0]}"; the rows are ${rows.map(r => r.id).join(", ")}`);
  const names = list(values.columns) ?? usual;
  const stranger = names.find(name => !columns.some(c => c.id === name));
  if (stranger !== undefined)
    throw new UsageError(
      `--columns ${values.columns}: there is no column "${stranger}"; the columns are ${columns.map(c => c.id).join(", ")}`,
    );
  return {
    rows: chosen,
    columns: columns.filter(c => names.includes(c.id)).map(c => c.id),
    quick: values.quick ?? false,
    out: values.out,
    node: values.node ?? process.execPath,
  };
}

function read(argv: readonly string[]): { rows?: string; columns?: string; quick?: boolean; out?: string; node?: string; help?: boolean } {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        rows: { type: "string" },
        columns: { type: "string" },
        quick: { type: "boolean" },
        out: { type: "string" },
        node: { type: "string" },
        help: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

const list = (text: string | undefined): string[] | undefined =>
  text
    ?.split(",")
    .map(s => s.trim())
    .filter(s => s !== "");
