// The only door to TypeScript's compiler API. `typescript` 7 ships none, so it is ts-morph's copy (TypeScript 6). No other file of the library names the package.
export { Project, ts } from "ts-morph";
