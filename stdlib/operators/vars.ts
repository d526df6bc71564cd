// The variables that a statement may assign, as the rewriter hands them over: their names for messages, and closures that read and set them. Nothing here
// knows statements.

/** Variables around a control statement. The first `live` of them are read after it; the others only have to be the same at the start of each path. */
export interface Vars<T extends readonly unknown[] = readonly unknown[]> {
  readonly names: readonly string[];
  readonly live: number;
  get(): T;
  set(values: T): void;
}
/** Describe variables. `set` assigns all of them. */
export const $vars = <T extends readonly unknown[]>(
  names: readonly string[],
  live: number,
  get: () => readonly [...T],
  set: (values: T) => void,
): Vars<T> => ({
  names,
  live,
  get: get as () => T, // a tuple type is its own spread
  set,
});
/** No variables. */
export const noVars: Vars = { names: [], live: 0, get: () => [], set: () => {} };
