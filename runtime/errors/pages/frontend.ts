// Pages of the codes E11xx, "use tensor" scopes: E1110 to E1119 when a file is rewritten, E1121 to E1130 when it runs. Text only.

/** Pages of the codes E11xx, "use tensor" scopes. */
export const frontendPages = {
  E1110: {
    title: "a file with a tensor scope has a syntax error",
    body: `
The front end reads the file as TypeScript. Nothing of it is rewritten until it can be read.`,
  },
  E1111: {
    title: 'a "use tensor" directive has no effect where it stands',
    body: `
"use tensor" is a directive: the first statement of a file or of a function with a block body, before anything else. A file-level directive makes every function of
the file a tensor scope.`,
  },
  E1112: {
    title: "an async function or a generator in a tensor scope",
    body: `
A traced function runs once, from its start to its end, to become a program; it cannot wait or be left in the middle. Read values (await x.data()) and iterate outside of the
scope. In a file with a file-level directive, async functions and generators stay plain JavaScript.`,
  },
  E1113: {
    title: "a label in a tensor scope",
    body: `
Loop bodies become functions of their own, which labels do not reach into. Put the inner loop into a function and return from it, or carry a flag.`,
  },
  E1114: {
    title: "var inside a branch or a loop of a tensor scope",
    body: `
Branches and loop bodies become functions of their own, which a var would not leave. Declare with let before the statement, or with const inside it.`,
  },
  E1115: {
    title: "a name is used before the part of the block where it is declared",
    body: `
What follows a statement with an early return, break or continue becomes a function of its own, and names declared there exist only there. A function before it
cannot use them: move the declaration up.`,
  },
  E1116: {
    title: "eval or arguments in a tensor scope",
    body: `
eval would run text that was not rewritten. arguments belongs to a function whose statements may have become functions of their own: name the parameters, or take a rest parameter.`,
  },
  E1117: {
    title: "a loop variable is assigned in the body and captured by a function there",
    body: `
JavaScript gives each step of a for loop a copy of its variables, which closures keep and which the body's assignments change. Copy it first: const j = i.`,
  },
  E1119: {
    title: "a package that the front end needs is not installed",
    body: `
Tensor scopes are rewritten at build time, with ts-morph (TypeScript's compiler) and magic-string: optional peers of pullback, since programs without such scopes need neither.
npm install --save-dev ts-morph magic-string`,
  },
  E1121: {
    title: "an operator got a tensor and something that is no number",
    body: `
Beside a tensor stands a tensor, a number or a boolean. Strings, null, undefined, bigints and objects have no meaning in a program; to print a tensor read it first.
Some functions of Math (imul, clz32, f16round) are for numbers alone, and >>> takes unsigned integers.`,
  },
  E1122: {
    title: "a statement is decided by a tensor with more than one element",
    body: `
if, while and for run or do not run: they need one value. Reduce it with .all() or .any(). For a choice per element write a ? b : c, or where.`,
  },
  E1123: {
    title: "a variable has different types on the two paths of a condition",
    body: `
Where a tensor decides, the variables that the branches assign (and the values that they return) come out of one program, which has one type for each: the same dtype and
shape on both paths. JavaScript numbers take the other path's dtype. Both types are printed.`,
  },
  E1124: {
    title: "a tensor decides about something that is not a tensor",
    body: `
Where a tensor decides, variables that are read afterwards must be tensors, numbers, booleans, or trees of them with one structure on both paths. A variable that only
one branch sets has no value on the other path; a string or a function cannot be chosen by a program. Variables that stay the same may be anything.`,
  },
  E1125: {
    title: "a variable changes its type in a loop",
    body: `
A loop that runs in the program keeps the structure, shapes and dtypes of what it assigns. A JavaScript number before the loop takes the dtype that a step gives it; a tensor
does not. A variable that has no value before the loop and is needed only in one step belongs inside the loop.`,
  },
  E1126: {
    title: "a statement that stays JavaScript is decided by a tensor",
    body: `
switch, for…in, and if or loops inside try that leave it, are not rewritten. They work as ever on plain values.`,
  },
  E1127: {
    title: "a function returns a value only where a condition on tensors holds",
    body: `
The function's result is one value of one type, so every path must return. End the function with a return.`,
  },
  E1128: {
    title: "an object from outside is changed in a branch or a loop that a tensor decides",
    body: `
Both branches of such a condition are recorded, and a loop's body is recorded once or a few times, whatever the values will be: a write to an object from outside would
happen anyway. Variables are followed; objects and arrays are not. Assign to a variable, or make a new object: p = { ...p, w }.`,
  },
  E1129: {
    title: "an assignment writes into a tensor",
    body: `
Tensors never change. x.setAt([i], v) gives a new one with the element replaced (addAt, mulAt, minAt, maxAt likewise): x = x.setAt([i], v).`,
  },
  E1130: {
    title: "for…of runs over a scalar",
    body: `
for (const row of x) runs over the leading axis of x. To count, use for (const i of arange(n)), which is one loop in the program, or for (let i = 0; i < n; i++), which is
written out when n is a number.`,
  },
} as const;
