// Pages of the codes E08xx, the standard library. Text only.

/** Pages of the codes E08xx, the standard library. */
export const libraryPages = {
  E0801: { title: "an option has an invalid value", body: `
The message names the option, the value and what is allowed.` },
  E0802: { title: "a check of pullback/testing failed", body: `
checkGrads or checkPrimitive found a derivative, a batch rule, a device or a text that disagrees with its reference. The message has both numbers.` },
} as const;
