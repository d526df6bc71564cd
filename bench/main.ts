// npm run bench: every chosen row over every chosen column, turn about, as one table. It exits with 0 whatever the figures are: targets are reported, not enforced.
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Row } from "./catalogue.ts";
import { childContender } from "./harness/child.ts";
import type { Cell } from "./harness/contender.ts";
import { measure, type Limits } from "./harness/interleave.ts";
import { machine } from "./harness/machine.ts";
import { brief, renderTable, tally, type Results } from "./harness/table.ts";
import { help, parse, UsageError, type Options } from "./options.ts";
import { columns, type Column } from "./peers/list.ts";

const thorough: Limits = { rounds: 15, cell: 3000, warm: 1000, sample: 20 };
const quick: Limits = { rounds: 5, cell: 2500, warm: 200, sample: 5 };
/** A new process each time: few rounds say enough. */
const freshRounds = { thorough: 3, quick: 1 };
/** The column that targets are for. */
const subjects = { cpu: "pullback", webgpu: "pullback-webgpu" };

type Live = { readonly column: Column; readonly contender: ReturnType<typeof childContender> };

async function run(options: Options): Promise<void> {
  const begin = performance.now();
  if (options.driver !== undefined) process.env["VK_ICD_FILENAMES"] = options.driver; // columns inherit it
  const absent: string[] = [];
  const live: Live[] = columns
    .filter(c => options.columns.includes(c.id))
    .flatMap(column => {
      const command = column.command(options.node);
      if (typeof command !== "string") return [{ column, contender: childContender(column.id, command, options.timeout) }];
      absent.push(`${column.title} does not take part: ${command}`);
      return [];
    });
  absent.forEach(line => console.error(line));
  const cells = new Map<string, readonly Cell[]>();
  try {
    for (const row of options.rows) {
      if (row.kind === "measured") cells.set(row.id, await measureRow(row, live, options.quick));
    }
  } finally {
    live.forEach(({ contender }) => contender.close());
  }
  const results: Results = {
    rows: options.rows,
    cells,
    subject: subjects[options.device],
    wide: live.some(({ column, contender }) => column.id === "pullback" && /\bwide\b/.test(contender.title ?? "")),
    columns: live.map(({ column }) => ({ id: column.id, title: column.title })),
  };
  const text = report(results, live, absent, (performance.now() - begin) / 1000, options);
  process.stdout.write(`\n${text}`);
  if (options.out === undefined) return;
  mkdirSync(dirname(options.out), { recursive: true });
  writeFileSync(options.out, text);
}

async function measureRow(row: Extract<Row, { kind: "measured" }>, live: readonly Live[], isQuick: boolean): Promise<Cell[]> {
  const limits = isQuick ? quick : thorough;
  const takesPart = live.filter(({ column }) => column.threads === 1 || row.parallel);
  const measured = await measure(
    { work: row.work, fresh: row.fresh },
    takesPart.map(l => l.contender),
    row.fresh ? { ...limits, rounds: freshRounds[isQuick ? "quick" : "thorough"] } : limits,
  );
  console.error(
    `${row.title}: ${takesPart.map(({ column }, i) => `${column.title} ${brief(measured[i] ?? { kind: "skipped" })}`).join(", ")} (${row.unit})`,
  );
  return live.map(l => measured[takesPart.indexOf(l)] ?? { kind: "skipped" });
}

function report(results: Results, live: readonly Live[], absent: readonly string[], seconds: number, options: Options): string {
  const node =
    options.node === process.execPath ? process.version : spawnSync(options.node, ["--version"], { encoding: "utf8" }).stdout.trim();
  const counts = (["need", "aim"] as const)
    .map(which => tally(results, which))
    .map(({ met, missed, open }) => `${met} met, ${missed} not met${open > 0 ? `, ${open} without a figure` : ""}`);
  return [
    "# pullback and its peers, side by side",
    "",
    `${machine()}; Node ${node}. ${live.flatMap(l => l.contender.title ?? []).join("; ")}.`,
    `Milliseconds unless said otherwise, medians of interleaved samples, ${options.device === "cpu" ? "one thread on one core but where a column says two" : "results complete on the device"}. ${options.quick ? "Quick: few, short samples. " : ""}Took ${Math.round(seconds)} s.`,
    "",
    renderTable(results),
    `Needed: ${counts[0]}. Aim: ${counts[1]}.`,
    ...absent,
    "",
  ].join("\n");
}

try {
  const options = parse(process.argv.slice(2));
  if (options) await run(options);
  else process.stdout.write(help);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
