// What was chosen, by device and question: in memory, and in a file or a page's localStorage, where other processes see it. A cache: what cannot be read is as if it were not there, what cannot be
// written is chosen again next time, and a warning says so once.

/** Choices of one device. */
export interface Choices {
  get(question: string): string | undefined;
  set(question: string, answer: string): void;
}
/** A text that outlives the process. `read`: undefined when there is none. */
export interface Shelf {
  readonly name: string;
  read(): string | undefined;
  write(text: string): void;
}
type Entries = Readonly<Record<string, Readonly<Record<string, string>>>>;
/** Raised when texts of older versions mean something else. */
const VERSION = 1;

/** The choices of the device `identity`, kept in `cache`: a file's path, false for nowhere, undefined for the usual place. */
export function storedChoices(identity: string, cache?: string | false): Choices {
  return choicesOn(cache === false ? undefined : usualShelf(cache), identity);
}
/** The same on any shelf. */
export function choicesOn(shelf: Shelf | undefined, identity: string, warn: (text: string) => void = text => console.warn(text)): Choices {
  const known = new Map<string, string>();
  let read = shelf === undefined,
    warned = false;
  const trouble = (what: string): void => {
    if (!warned) warn(`pullback: ${what}; kernels are measured again next time`);
    warned = true;
  };
  const entries = (): Entries => {
    try {
      const text = shelf?.read();
      return text === undefined ? {} : parse(text);
    } catch (e) {
      trouble(`the tuning cache ${shelf?.name} is not used: ${e instanceof Error ? e.message : String(e)}`);
      return {};
    }
  };
  const learn = (): void => {
    if (read) return;
    read = true;
    for (const [question, answer] of Object.entries(entries()[identity] ?? {})) known.set(question, answer);
  };
  return {
    get: question => {
      learn();
      return known.get(question);
    },
    set: (question, answer) => {
      learn();
      known.set(question, answer);
      if (!shelf) return;
      const all = entries(); // what others have written since is kept
      try {
        shelf.write(
          JSON.stringify(
            { pullback: "tuning", version: VERSION, devices: { ...all, [identity]: { ...all[identity], ...Object.fromEntries(known) } } },
            null,
            1,
          ),
        );
      } catch (e) {
        trouble(`the tuning cache ${shelf.name} cannot be written: ${e instanceof Error ? e.message : String(e)}`);
      }
    },
  };
}
/** @throws Error saying what is wrong with the text */
function parse(text: string): Entries {
  const data: unknown = JSON.parse(text);
  if (!isRecord(data) || data["pullback"] !== "tuning") throw new Error("it is another program's");
  if (data["version"] !== VERSION) throw new Error(`it has version ${String(data["version"])}, not ${VERSION}`);
  const { devices } = data;
  if (!isRecord(devices)) throw new Error("it has no devices");
  const entries = new Map<string, Readonly<Record<string, string>>>();
  for (const [device, answers] of Object.entries(devices)) {
    if (!isRecord(answers) || !Object.values(answers).every(a => typeof a === "string"))
      throw new Error(`what it says of ${device} is no table of names`);
    entries.set(device, answers as Readonly<Record<string, string>>); // just checked
  }
  return Object.fromEntries(entries);
}
const isRecord = (x: unknown): x is Readonly<Record<string, unknown>> => typeof x === "object" && x !== null && !Array.isArray(x);

/** A file in Node and Deno, `localStorage` in a page, else nothing. */
function usualShelf(path: string | undefined): Shelf | undefined {
  if (typeof process !== "undefined" && typeof process.getBuiltinModule === "function") {
    const file = path ?? usualPath(process.env, process.platform);
    return file === undefined ? undefined : fileShelf(file);
  }
  const storage = pageStorage(),
    key = path ?? "pullback.tuning";
  return (
    storage && { name: `localStorage["${key}"]`, read: () => storage.getItem(key) ?? undefined, write: text => storage.setItem(key, text) }
  );
}
/** Where caches of a user belong. Undefined where the environment does not say. */
export function usualPath(env: Readonly<Record<string, string | undefined>>, platform: string): string | undefined {
  const home = env["HOME"] ?? env["USERPROFILE"],
    under = (folder: string): string | undefined => (home === undefined || home === "" ? undefined : `${home}/${folder}`);
  const given = platform === "win32" ? env["LOCALAPPDATA"] : env["XDG_CACHE_HOME"],
    folder =
      given !== undefined && given !== ""
        ? given
        : under(platform === "win32" ? "AppData/Local" : platform === "darwin" ? "Library/Caches" : ".cache");
  return folder === undefined ? undefined : `${folder}/pullback/tuning.json`;
}
/** A file, written whole beside its place and then moved there: readers find the old text or the new. */
export function fileShelf(path: string): Shelf {
  const fs = process.getBuiltinModule("node:fs");
  return {
    name: path,
    read: () => (fs.existsSync(path) ? fs.readFileSync(path, "utf8") : undefined),
    write: text => {
      const beside = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
      fs.mkdirSync(process.getBuiltinModule("node:path").dirname(path), { recursive: true });
      try {
        fs.writeFileSync(beside, text);
        fs.renameSync(beside, path);
      } catch (e) {
        fs.rmSync(beside, { force: true });
        throw e;
      }
    },
  };
}
interface PageStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}
/** Undefined where there is none, or it is forbidden. */
function pageStorage(): PageStorage | undefined {
  try {
    return (globalThis as { readonly localStorage?: PageStorage }).localStorage; // a page's; forbidden ones throw
  } catch {
    return undefined;
  }
}
