// The only door to TypeScript's compiler API. `typescript` 7 ships none, so it is ts-morph's copy (TypeScript 6). No other file of the library names the package.
import type { ts } from "ts-morph";
export { Project, ts } from "ts-morph";
/** The API as a value: ts-morph's copy, or the one that an editor runs. */
export type TypeScript = typeof ts;
