// Pages of the codes of `pullback check`: E1101 for shapes in types, E1131 to E1135 for what it finds beside types. Text only.

/** Pages of `pullback check`. */
export const checkPages = {
  E1101: {
    title: "shapes in types contradict each other",
    body: `
The types of two operands say dimensions that cannot be equal: two sizes, or two names. A name stands for one size wherever it stands, and fits any number. A plain Tensor
fits anything: take the shape out of the type where it is not known.`,
  },
  E1131: {
    title: "a tensor is used as a condition",
    body: `
JavaScript takes every object as true, so a condition that is a tensor decides nothing, and no library can notice at run time. Read the value (x.item()) when it is
concrete, choose with cond or where, or put "use tensor" at the top of the function, where if, ?:, && and loops follow tensors.`,
  },
  E1132: {
    title: "tensors are compared by identity",
    body: `
=== asks whether two tensors are one object. Use equal or notEqual for their elements, Object.is for identity; in a "use tensor" scope === compares elements.`,
  },
  E1133: {
    title: "a captured value is changed inside a traced function",
    body: `
jit, grad, vmap and the others run a function to trace it: once, whatever the number of calls. What it changes outside itself changes then, and holds traced tensors that
have no values. Return the value, or carry it through scan. In a "use tensor" scope the same holds for branches and loops that a tensor decides: both branches are recorded, and a
loop's body once or twice, so xs.push(x) inside happens then, whatever the tensor will be. Assign instead (xs = [...xs, x]): variables are followed.`,
  },
  E1134: {
    title: "an effect inside a traced function",
    body: `
Printing, reading a clock or drawing from Math.random happens once, while the function is traced. Do it outside, on the results; random numbers come from pullback/random with a
key that is an argument.`,
  },
  E1135: {
    title: "a module or a function failed while it was checked",
    body: `
pullback check imports the module and traces its exported functions on tensors without values. The message is the program's own error.`,
  },
} as const;
