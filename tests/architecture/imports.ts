// The rules about who may import whom: floors, the order of the compiler's folders, foreign packages, cycles. Pure functions over
// facts; each returns its violations as sentences that start with file:line.
import { posix } from "node:path";
import { isBuiltin } from "node:module";
import type { Facts, Import } from "./facts.ts";

/** The shape of the building, as data. Paths are relative to the root; a folder ends with a slash. */
export interface Building {
  /** For each floor (a top folder) the floors it may import. */
  readonly floors: Readonly<Record<string, readonly string[]>>;
  /** Floors that see the others only through the package's own name. */
  readonly guests: readonly string[];
  /** For each floor with doors: the only files of another floor that it may import. */
  readonly doors: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  /** A floor whose folders have an order, low to high; "" stands for the floor's own files. */
  readonly order: Readonly<Record<string, readonly string[]>>;
  /** Where foreign packages may be imported: folder or file -> package names. Guests and tests are free. */
  readonly packages: Readonly<Record<string, readonly string[]>>;
  /** Floors that may import no foreign package but those. */
  readonly closed: readonly string[];
  /** Folders that touch no Node module, and the folders inside them that may. */
  readonly pure: Readonly<Record<string, readonly string[]>>;
}

/** How the package's own name resolves: "pullback/nn" -> "stdlib/nn/index.ts". */
export type SelfNames = Readonly<Record<string, string>>;

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly by: Import;
}

/** The top folder of a path, "" for a file of the root. */
export function floorOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : "";
}

/** The file an import means, or undefined when it is not one of ours. */
export function resolve(from: string, specifier: string, self: SelfNames): string | undefined {
  if (specifier.startsWith(".")) return posix.join(posix.dirname(from), specifier);
  return Object.hasOwn(self, specifier) ? self[specifier] : undefined;
}

function edgesOf(files: readonly Facts[], self: SelfNames): Edge[] {
  return files.flatMap(({ path, imports }) =>
    imports.flatMap(by => {
      const to = resolve(path, by.specifier, self);
      return to === undefined ? [] : [{ from: path, to, by }];
    }),
  );
}

/** Imports between floors, through doors, and by guests. Types count too: a floor does not even know the names above it. */
export function floorViolations(files: readonly Facts[], building: Building, self: SelfNames): string[] {
  return edgesOf(files, self).flatMap(({ from, to, by }) => {
    const floor = floorOf(from),
      target = floorOf(to),
      allowed = building.floors[floor],
      at = `${from}:${by.line}`;
    if (allowed === undefined) return [`${at}: the folder ${floor}/ is not a floor of the table`];
    if (floor === target) return [];
    if (building.guests.includes(floor) && !by.specifier.startsWith(".")) return [];
    if (!allowed.includes(target))
      return [
        `${at}: ${floor} may not import ${to} (only ${[...allowed, ...(building.guests.includes(floor) ? ["the package by its name"] : [])].join(", ") || "itself"})`,
      ];
    const doors = building.doors[floor]?.[target];
    return doors === undefined || doors.includes(to)
      ? []
      : [`${at}: ${floor} may import ${target} only through ${doors.join(", ")}, not ${to}`];
  });
}

/** Imports up the order of a floor's folders. Types are exempt: rules and the data they speak of are mutually recursive. */
export function orderViolations(files: readonly Facts[], building: Building, self: SelfNames): string[] {
  return edgesOf(files, self)
    .filter(({ by }) => !by.typeOnly)
    .flatMap(({ from, to, by }) => {
      const floor = floorOf(from),
        order = building.order[floor];
      if (order === undefined || floorOf(to) !== floor) return [];
      const low = order.indexOf(folderOf(from)),
        high = order.indexOf(folderOf(to));
      const stray = low === -1 ? from : high === -1 ? to : undefined;
      if (stray !== undefined) return [`${from}:${by.line}: the folder ${floor}/${folderOf(stray)}/ has no place in the order`];
      return high > low
        ? [
            `${from}:${by.line}: ${folderOf(from) || floor} is below ${folderOf(to) || floor}, so it may not import ${to} (a type-only import may)`,
          ]
        : [];
    });
}

function folderOf(path: string): string {
  const [, folder = "", ...rest] = path.split("/");
  return rest.length > 0 ? folder : "";
}

/** Foreign packages where none may be, and Node's modules in pure folders. */
export function packageViolations(files: readonly Facts[], building: Building, self: SelfNames): string[] {
  return files.flatMap(({ path, imports }) =>
    imports.flatMap(({ specifier, line, typeOnly }) => {
      if (typeOnly || resolve(path, specifier, self) !== undefined) return [];
      if (isBuiltin(specifier)) {
        const pure = Object.entries(building.pure).some(
          ([folder, except]) => path.startsWith(folder) && !except.some(inner => path.startsWith(inner)),
        );
        return pure ? [`${path}:${line}: this folder is pure, it may not import ${specifier}`] : [];
      }
      const open =
        !building.closed.includes(floorOf(path)) ||
        Object.entries(building.packages).some(([where, names]) => path.startsWith(where) && names.includes(specifier));
      return open ? [] : [`${path}:${line}: the library may not depend on the package ${specifier}`];
    }),
  );
}

/** Cycles of imports that exist at run time, one sentence each. */
export function cycleViolations(files: readonly Facts[], self: SelfNames): string[] {
  const known = new Set(files.map(({ path }) => path));
  const next = new Map<string, string[]>(files.map(({ path }) => [path, []]));
  for (const { from, to, by } of edgesOf(files, self)) if (!by.typeOnly && known.has(to)) next.get(from)?.push(to);
  const state = new Map<string, "open" | "done">(),
    path: string[] = [],
    cycles: string[] = [];
  const visit = (file: string): void => {
    state.set(file, "open");
    path.push(file);
    for (const to of next.get(file) ?? []) {
      if (state.get(to) === "open") cycles.push(`${[...path.slice(path.indexOf(to)), to].join(" -> ")}: an import cycle`);
      else if (state.get(to) === undefined) visit(to);
    }
    path.pop();
    state.set(file, "done");
  };
  for (const { path: file } of files) if (!state.has(file)) visit(file);
  return cycles;
}
