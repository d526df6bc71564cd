// What `corpus.ts` makes when the page is built.
declare module "virtual:corpus" {
  export const train: string;
  export const heldOut: string;
}
