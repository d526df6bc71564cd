// Pages of the codes E06xx, compilation. Text only.

/** Pages of the codes E06xx, compilation. */
export const compilePages = {
  E0602: {
    title: "program text cannot be read",
    body: `
parse reads what print writes: func(a: f32[2]) { b: f32[2] = exp a  return b }. The message gives line, column and what was expected.
Programs that hold opaque functions (custom derivative rules) print but do not parse.`,
  },
  E0603: {
    title: "an operation made NaN",
    body: `
With jit(f, { debugNans: true }) results are searched for NaN, and the operation that made the first one is named with its line: at the call, or, on a
device that cannot be waited for, where a result is read.
Usual causes: log or sqrt of a negative number, 0/0, inf - inf, a softmax over a row that is masked completely.`,
  },
} as const;
