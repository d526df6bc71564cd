// `pullback check [files]`: type-checks shadows, lints, and traces exported functions abstractly. Prints as tsc does; the status is 1 when something was found.
import { existsSync } from "node:fs";
import { dirname, relative } from "node:path";
import process from "node:process";
import { format } from "../diagnostics.ts";
import { sorted, type Finding } from "./finding.ts";
import { parse, usage, type Options } from "./options.ts";
import { CheckedProject, configAbove } from "./project.ts";
import { traceExport } from "./traced.ts";
import { Watched } from "./watch.ts";

/** All findings of the files, and a sentence about what was traced. */
async function run(
  project: CheckedProject,
  o: Options,
  version: number,
): Promise<{ readonly findings: readonly Finding[]; readonly skipped: readonly string[]; readonly traced: number }> {
  const found = o.files.flatMap(f => project.findings(f)),
    broken = new Set(found.map(f => f.file)),
    skipped: string[] = [];
  let traced = 0;
  for (const file of o.trace ? o.files : []) {
    if (broken.has(file)) continue; // types come first
    for (const e of project.exports(file)) {
      const outcome = await traceExport(e, version);
      if (outcome.kind === "failed") found.push(outcome.finding);
      else if (outcome.kind === "skipped") skipped.push(`${e.name}: ${outcome.why}`);
      else traced++;
    }
  }
  return { findings: sorted(found), skipped, traced };
}

function report(project: CheckedProject, o: Options, { findings, skipped, traced }: Awaited<ReturnType<typeof run>>): void {
  if (o.json) {
    process.stdout.write(`${JSON.stringify({ findings, traced, skipped })}\n`);
    return;
  }
  const name = (f: string): string => relative(process.cwd(), f);
  const text = findings.map(f => format({ ...f, file: name(f.file) }, existsSync(f.file) ? project.sourceOf(f.file) : ""));
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;
  const summary = `${count(o.files.length, "file")}, ${count(findings.length, "error")}, ${count(traced, "exported function")} traced`;
  process.stdout.write(
    `${[...text, summary, ...skipped.map(s => `not traced: ${s}`)].join("\n\n").replace(/\n\n(not traced)/g, "\n$1")}\n`,
  );
}

/** The command. @returns the status to end with; never while watching */
async function main(argv: string[]): Promise<number> {
  const o = parse(argv);
  if (typeof o === "string") {
    if (o === "") process.stdout.write(usage);
    else process.stderr.write(`pullback check: ${o}\n\n${usage}`);
    return o === "" ? 0 : 2;
  }
  const [first = "."] = o.files,
    project = new CheckedProject(o.project ?? configAbove(dirname(first)));
  let version = 0;
  const once = async (changed: readonly string[]): Promise<number> => {
    for (const f of changed) if (existsSync(f)) project.refresh(f);
    const result = await run(project, o, version++);
    report(project, o, result);
    return result.findings.length > 0 ? 1 : 0;
  };
  const status = await once(o.files);
  if (!o.watch) return status;
  // A change in a file that another one imports may be wrong there: whatever changes, all files that were named are checked again.
  let running = Promise.resolve();
  const watched = new Watched(files => {
    running = running.then(async () => {
      await once(files);
      watched.set(project.files()); // there may be new imports
    });
  });
  watched.set(project.files());
  return new Promise(() => undefined);
}

process.exitCode = await main(process.argv.slice(2));
