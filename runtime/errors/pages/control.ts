// Pages of the codes E05xx, control flow. Text only.

/** Pages of the codes E05xx, control flow. */
export const controlPages = {
  E0501: { title: "a loop body changes the type of its carry", body: `
scan, fori and while need the same tree, shapes and dtypes before and after each step. Both are printed.` },
} as const;
