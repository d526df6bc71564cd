// The rules about what stands in a file: size, doc comments, banned words and types, a README for each folder, nothing that names a
// machine. Pure functions; each returns its violations as sentences that start with the place.
import { posix } from "node:path";
import type { Facts } from "./facts.ts";

/** A file of the repository as text. */
export interface Text {
  readonly path: string;
  readonly text: string;
}

/** Limits on lines: `cap` for a file, `table` for the encoding tables named, `median` over all. */
export interface Sizes {
  readonly cap: number;
  readonly table: number;
  readonly tables: readonly string[];
  readonly median: number;
}

/** Files over their cap, and names on the list of tables that need no exemption (any more). */
export function sizeViolations(files: readonly Facts[], { cap, table, tables }: Sizes): string[] {
  const long = files.flatMap(({ path, lines }) => {
    const limit = tables.includes(path) ? table : cap;
    return lines > limit ? [`${path}: ${lines} lines, the limit is ${limit}`] : [];
  });
  const needless = tables.filter(path => !files.some(file => file.path === path && file.lines > cap));
  return [...long, ...needless.map(path => `${path}: is on the list of long tables, but is no file over ${cap} lines`)];
}

/** One violation when the median of the files' lines is over the limit. */
export function medianViolations(files: readonly Facts[], { median }: Sizes): string[] {
  const lines = files.map(file => file.lines).toSorted((a, b) => a - b);
  const middle = lines[Math.floor(lines.length / 2)] ?? 0;
  return middle > median ? [`the median file has ${middle} lines, the limit is ${median}`] : [];
}

/** Exported declarations that say nothing about themselves, and files that do not say why they exist. */
export function documentationViolations(files: readonly Facts[]): string[] {
  return files.flatMap(({ path, undocumented, introduced }) => [
    ...(introduced ? [] : [`${path}:1: the file does not start with a comment that says why it exists`]),
    ...undocumented.map(({ what, line }) => `${path}:${line}: ${what} is exported without a doc comment`),
  ]);
}

/** The type `any`, enums and suppressed checks. */
export function bannedViolations(files: readonly Facts[]): string[] {
  return files.flatMap(({ path, banned }) => banned.map(({ what, line }) => `${path}:${line}: ${what} is not allowed`));
}

/** Casts whose line gives no reason. */
export function castViolations(files: readonly Facts[]): string[] {
  return files.flatMap(({ path, casts }) =>
    casts.map(({ what, line }) => `${path}:${line}: ${what}: a cast gives its reason in a comment on its line`),
  );
}

/** Folders with more than two TypeScript files and no README.md. `readmes` are the paths of the READMEs there are. */
export function readmeViolations(files: readonly Facts[], readmes: ReadonlySet<string>): string[] {
  const counts = new Map<string, number>();
  for (const { path } of files) counts.set(posix.dirname(path), (counts.get(posix.dirname(path)) ?? 0) + 1);
  return [...counts]
    .filter(([folder, count]) => count > 2 && !readmes.has(`${folder}/README.md`))
    .map(([folder, count]) => `${folder}/: ${count} files and no README.md`);
}

// Put together from pieces, so that this file does not contain what it looks for.
const unfinished = new RegExp(`\\b(?:${[`${"TO"}DO`, `${"FIX"}ME`].join("|")})\\b`);
const hosts = new RegExp(
  [
    String.raw`https?:\/\/[^\s/"'<>)]*(?:registry|mirror|artifactory|nexus|pypi|debian)[^\s/"'<>)]*`,
    ["registry", "npmjs", "org"].join(String.raw`\.`),
    ["registry", "yarnpkg", "com"].join(String.raw`\.`),
    ["pypi", "org"].join(String.raw`\.`),
  ].join("|"),
  "i",
);
const machine = /(?<![\w.})*-])\/(?:work|root|tmp|var\/tmp|home\/\w+|Users\/\w+)\/\w/;

/** Unfinished work, the host of a package registry, or a path of somebody's machine, in any text of the repository. */
export function wordViolations(texts: readonly Text[]): string[] {
  return texts.flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, index) => {
      const at = `${path}:${index + 1}`;
      return [
        ...(unfinished.test(line) ? [`${at}: unfinished work: finish it or file it`] : []),
        ...(hosts.test(line) ? [`${at}: names a package registry's host`] : []),
        ...(machine.test(line) ? [`${at}: names a path of one machine`] : []),
      ];
    }),
  );
}
