// Pages of the codes E05xx, control flow. Text only.

/** Pages of the codes E05xx, control flow. */
export const controlPages = {
  E0501: {
    title: "a loop body changes the type of its carry",
    body: `
scan, fori and while need the same tree, shapes and dtypes before and after each step. Both are printed.`,
  },
  E0502: {
    title: "the branches of a conditional return different types",
    body: `
cond and switch need the same tree, shapes and dtypes from every branch, whichever runs. Both are printed.`,
  },
  E0503: {
    title: "a while loop cannot be differentiated backwards",
    body: `
Reverse mode needs the values of every step, and a while loop does not know how many there will be. Use fori with bounds that are JavaScript numbers,
or scan with a fixed length (mask the steps that should do nothing); or differentiate forwards (jvp, jacfwd).`,
  },
  E0504: {
    title: "a loop's length or its inputs do not fit",
    body: `
scan runs over the leading axis of its inputs: they all need the same length, and { length } must agree. Bounds of fori are whole numbers.`,
  },
  E0505: {
    title: "a condition or an index has the wrong type",
    body: `
cond takes one boolean, switch one integer (a scalar of dtype i32); a loop's condition returns one boolean.`,
  },
} as const;
