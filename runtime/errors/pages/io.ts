// Pages of the codes E09xx, files. Text only.

/** Pages of the codes E09xx, files. */
export const ioPages = {
  E0901: { title: "a safetensors file is malformed", body: `
The message says what is wrong and where. Nothing of the file was used.` },
} as const;
