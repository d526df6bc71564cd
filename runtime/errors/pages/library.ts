// Pages of the codes E08xx, the standard library. Text only.

/** Pages of the codes E08xx, the standard library. */
export const libraryPages = {
  E0801: { title: "an option has an invalid value", body: `
The message names the option, the value and what is allowed.` },
} as const;
