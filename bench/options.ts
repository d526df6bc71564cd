// The command line of the bench. A wrong value is an error that names the flag, the value and what is allowed.
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { gpuRows, rows, select, type Row } from "./catalogue.ts";
import { columns, usual, type Column } from "./peers/list.ts";

/** What to run. */
export interface Options {
  readonly rows: readonly Row[];
  readonly columns: readonly string[];
  readonly quick: boolean;
  readonly out: string | undefined;
  readonly node: string;
  readonly device: Column["device"];
  /** Longest time for one answer of a column, milliseconds. A column that takes longer has failed the row, and the others go on. */
  readonly timeout: number;
  /** The file of the Vulkan driver that WebGPU is to use; its own choice when undefined. */
  readonly driver: string | undefined;
}

/** Drivers that compute on the CPU, where Debian's packages put them. */
const drivers: Readonly<Record<string, string>> = {
  lavapipe: "/usr/share/vulkan/icd.d/lvp_icd.json", // mesa-vulkan-drivers, from 25 on
  swiftshader: "/usr/lib/chromium/vk_swiftshader_icd.json", // chromium
};

/** The command line is wrong; the message says how. */
export class UsageError extends Error {}

/** Seconds: jax-js's convolutions take half a minute. */
const TIMEOUT = 240;
/** The text of `--help`. */
export const help: string = `npm run bench -- [options]
  --rows a,b      only these rows (default: all but the heavy ones)
                  ${rows.map(r => (r.kind === "measured" && r.heavy ? `${r.id} (heavy)` : r.id)).join(" ")}
  --columns a,b   only these columns (default: ${usual.cpu.join(",")})
                  ${columns
                    .filter(c => c.device === "cpu")
                    .map(c => c.id)
                    .join(" ")}
  --device webgpu rows and columns of WebGPU (Dawn in Node): ${gpuRows.map(r => r.id).join(" ")}
                  ${usual.webgpu.join(" ")}
  --driver name   its Vulkan driver: ${Object.keys(drivers).join(" or ")}, which compute on the CPU, or a driver's file (default: what Vulkan finds)
  --quick         fewer and shorter samples
  --timeout s     longest time for one answer of a column (default: ${TIMEOUT}; a software driver compiles a model's shaders for minutes); one that takes longer fails that row
  --out file.md   write the table there too
  --node path     the Node that the JavaScript columns run on (default: this one)
  --help
JAX and torch take part when PULLBACK_BENCH_PYTHON (else python3) has them. jax-js and tfjs are installed into .cache/bench.
`;

/** Reads the arguments after the program's name; undefined for --help. @throws UsageError */
export function parse(argv: readonly string[]): Options | undefined {
  const values = read(argv);
  if (values.help === true) return undefined;
  const device = values.device ?? "cpu";
  if (device !== "cpu" && device !== "webgpu") throw new UsageError(`--device ${device}: the devices are cpu and webgpu`);
  const all = device === "cpu" ? rows : gpuRows,
    { chosen, unknown } = select(list(values.rows), all);
  if (unknown.length > 0)
    throw new UsageError(`--rows ${values.rows}: there is no row "${unknown[0]}"; the rows are ${all.map(r => r.id).join(", ")}`);
  const names = list(values.columns) ?? usual[device],
    able = columns.filter(c => c.device === device);
  const stranger = names.find(name => !able.some(c => c.id === name));
  if (stranger !== undefined)
    throw new UsageError(
      `--columns ${values.columns}: there is no column "${stranger}"; the columns are ${able.map(c => c.id).join(", ")}`,
    );
  return {
    rows: chosen,
    columns: columns.filter(c => names.includes(c.id)).map(c => c.id),
    quick: values.quick ?? false,
    out: values.out,
    node: values.node ?? process.execPath,
    device,
    driver: driverOf(values.driver),
    timeout: 1000 * secondsOf(values.timeout),
  };
}
function secondsOf(text: string | undefined): number {
  const seconds = text === undefined ? TIMEOUT : Number(text);
  if (seconds > 0 && Number.isFinite(seconds)) return seconds;
  throw new UsageError(`--timeout ${text}: seconds, more than 0`);
}
function driverOf(name: string | undefined): string | undefined {
  const path = name === undefined ? undefined : (drivers[name] ?? name);
  if (path === undefined || existsSync(path)) return path;
  throw new UsageError(`--driver ${name}: there is no file ${path}`);
}

function read(argv: readonly string[]): {
  rows?: string;
  columns?: string;
  quick?: boolean;
  out?: string;
  node?: string;
  device?: string;
  driver?: string;
  timeout?: string;
  help?: boolean;
} {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        rows: { type: "string" },
        columns: { type: "string" },
        quick: { type: "boolean" },
        out: { type: "string" },
        node: { type: "string" },
        device: { type: "string" },
        driver: { type: "string" },
        timeout: { type: "string" },
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
