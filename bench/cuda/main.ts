// npm run bench:cuda: pullback, PyTorch and JAX on one card, one after the other, as one table. Without a card it says why and fails; tests/bench/cuda.test.ts runs
// every row without one.
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cuda } from "pullback";
import { machine } from "../harness/machine.ts";
import { findPython } from "../peers/python.ts";
import type { Cell } from "./measure.ts";
import { profileRows, runRows } from "./run.ts";
import { trafficText } from "./traffic.ts";
import { renderCudaTable, type CudaColumn } from "./table.ts";
import { cardRows, type CudaRow } from "./work.ts";

const { values } = parseArgs({
  options: {
    rows: { type: "string" },
    seconds: { type: "string", default: "2" },
    profile: { type: "boolean", default: false },
    traffic: { type: "boolean", default: false },
    out: { type: "string" },
  },
});
const rows = cardRows.filter(r => values.rows === undefined || values.rows.split(",").some(want => r.id.startsWith(want))),
  seconds = Number(values.seconds);
if (!(seconds > 0) || rows.length === 0) {
  console.error("usage: npm run bench:cuda -- [--rows gemm-bf16,softmax] [--seconds 2] [--profile] [--traffic] [--out FILE]");
  process.exit(2);
}
if (values.traffic) {
  process.stdout.write(trafficText(rows));
  process.exit(0);
}

function openCard(): ReturnType<typeof cuda> {
  try {
    return cuda();
  } catch (e) {
    console.error(e instanceof Error ? e.message : String(e));
    return process.exit(1);
  }
}
/** A Python column, or why there is none. */
function peer(module: "torch" | "jax", of: readonly CudaRow[]): CudaColumn | string {
  const python = findPython(),
    lacks = python.lacks(module);
  if (lacks !== undefined) return lacks;
  const script = fileURLToPath(new URL("peers.py", import.meta.url));
  const { stdout, stderr, status } = spawnSync(python.file, [script, module, JSON.stringify(of), String(seconds)], {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  const lines = stdout
    .split("\n")
    .filter(line => line.startsWith("{"))
    .map(
      line =>
        JSON.parse(line) as {
          readonly absent?: string;
          readonly title?: string;
          readonly id?: string;
          readonly ms?: number;
          readonly reason?: string;
        },
    ); // peers.py's protocol
  const absent = lines.find(l => l.absent !== undefined)?.absent;
  if (absent !== undefined) return absent;
  const title = lines.find(l => l.title !== undefined)?.title;
  if (title === undefined) return `${module} ended with ${status}: ${stderr.trim().split("\n").at(-1) ?? ""}`;
  return {
    title,
    cells: new Map(
      lines.flatMap(l =>
        l.id === undefined ? [] : [[l.id, l.ms !== undefined ? { ms: l.ms } : { reason: l.reason ?? "" }] as [string, Cell]],
      ),
    ),
  };
}

const device = openCard();
const columns: CudaColumn[] = [
  { title: `pullback, ${device.name}`, cells: await runRows(device, rows, seconds, line => console.error(line)) },
];
const profiles = values.profile ? ["## pullback, kernel by kernel", "", await profileRows(device, rows)] : [];
device.dispose(); // the peers need its memory
const absent: string[] = [];
for (const module of ["torch", "jax"] as const) {
  const column = peer(module, rows);
  if (typeof column === "string") absent.push(`${module} does not take part: ${column}`);
  else columns.push(column);
}
const text = [
  "# CUDA, side by side in one run",
  "",
  `${machine()}; Node ${process.version}.`,
  "",
  renderCudaTable(rows, columns),
  ...absent,
  "",
  ...profiles,
].join("\n");
process.stdout.write(text);
if (values.out !== undefined) {
  mkdirSync(dirname(values.out), { recursive: true });
  writeFileSync(values.out, text);
}
