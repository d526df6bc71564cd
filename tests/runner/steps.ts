// The steps of `npm test`, in order, and which test file belongs to which: pure data and a pure function. It starts nothing.

/** A step that runs commands (each counts as one test), or one that runs the test files its patterns match. */
export type Step =
  | { readonly kind: "commands"; readonly name: string; readonly commands: readonly Command[] }
  | { readonly kind: "files"; readonly name: string; readonly match: readonly RegExp[] };

/** A Node program to run from the repository root: a label, its script, its arguments. */
export interface Command {
  readonly label: string;
  readonly script: string;
  readonly args: readonly string[];
}

/** A step with the files it is to run (none for commands). */
export interface Planned {
  readonly step: Step;
  readonly files: readonly string[];
}

/** What the user asked for: only some steps, only files whose path contains one of the filters. */
export interface Selection {
  readonly only: readonly string[];
  readonly filters: readonly string[];
}

/** The plan, or what is wrong with the selection. */
export type Plan = { readonly kind: "plan"; readonly steps: readonly Planned[] } | { readonly kind: "refused"; readonly message: string };

const tsc = "node_modules/typescript/bin/tsc";

/** Every step. A test file belongs to the first whose pattern matches; `unit` takes what no other wants. */
export const steps: readonly Step[] = [
  {
    kind: "commands",
    name: "types",
    commands: [
      { label: "tsc, the library and its tests", script: tsc, args: ["-p", "."] },
      { label: "tsc, scripts and bin", script: tsc, args: ["-p", "scripts"] },
    ],
  },
  {
    kind: "commands",
    name: "lint",
    commands: [
      { label: "oxfmt", script: "node_modules/oxfmt/bin/oxfmt", args: ["--check"] },
      { label: "oxlint", script: "node_modules/oxlint/bin/oxlint", args: ["--deny-warnings", "--report-unused-disable-directives"] },
    ],
  },
  { kind: "files", name: "architecture", match: [/^tests\/architecture(\.test\.ts$|\/)/] },
  { kind: "files", name: "unit", match: [/^tests\//] },
  { kind: "files", name: "laws", match: [/^tests\/laws\//, /^tests\/primitives\.test\.ts$/] },
  { kind: "files", name: "backends", match: [/^tests\/(backends|browser|deno|fuzz)\//] },
  { kind: "files", name: "examples", match: [/^tests\/examples\//] },
];

/** Chooses steps and files. `files` are paths relative to the root with forward slashes. A filter leaves out the steps that run commands; a whole run
 *  keeps a step that found no file, for the runner to count as a failure. */
export function plan(files: readonly string[], { only, filters }: Selection, all: readonly Step[] = steps): Plan {
  const unknown = only.find(name => !all.some(step => step.name === name));
  if (unknown !== undefined)
    return { kind: "refused", message: `there is no step "${unknown}"; there are: ${all.map(step => step.name).join(", ")}` };
  const wanted = files.filter(file => filters.length === 0 || filters.some(filter => file.includes(filter)));
  if (filters.length > 0 && wanted.length === 0)
    return { kind: "refused", message: `no test file's path contains ${filters.map(filter => `"${filter}"`).join(" or ")}` };
  const planned = all
    .filter(step => only.length === 0 || only.includes(step.name))
    .map((step): Planned => ({ step, files: step.kind === "files" ? wanted.filter(file => owner(file, all) === step) : [] }))
    .filter(({ step, files: own }) => filters.length === 0 || (step.kind === "files" && own.length > 0));
  if (planned.length === 0) return { kind: "refused", message: `no file that the filter matches belongs to ${only.join(", ")}` };
  return { kind: "plan", steps: planned };
}

/** The step a file belongs to: of those that match, one that is not the catch-all wins. */
function owner(file: string, all: readonly Step[]): Step | undefined {
  const matching = all.filter(step => step.kind === "files" && step.match.some(pattern => pattern.test(file)));
  return matching.find(step => step.name !== "unit") ?? matching[0];
}
