// Pages of the codes E06xx, compilation. Text only.

/** Pages of the codes E06xx, compilation. */
export const compilePages = {
  E0601: { title: "a primitive cannot be lowered for this device", body: `
The compiler has no way to turn this primitive into code for the device. The message names it and says why.` },
} as const;
