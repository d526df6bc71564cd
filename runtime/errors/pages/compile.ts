// Pages of the codes E06xx, compilation. Text only.

/** Pages of the codes E06xx, compilation. */
export const compilePages = {
  E0601: { title: "a primitive cannot be lowered for this device", body: `
The compiler has no way to turn this primitive into code for the device. The message names it and says why.` },
  E0602: { title: "program text cannot be read", body: `
parse reads what print writes: func(a: f32[2]) { b: f32[2] = exp a  return b }. The message gives line, column and what was expected.
Programs that hold opaque functions (custom derivative rules) print but do not parse.` },
} as const;
