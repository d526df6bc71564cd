// Pages of the codes E01xx, tracing. Text only.

/** Pages of the codes E01xx, tracing. */
export const tracePages = {
  E0101: {
    title: "a tensor was used as a JavaScript number, string or condition",
    body: `
A traced tensor has a dtype and a shape but no value yet, so JavaScript cannot add it with +, compare it with <, print it or use it as a key.
Use the functions of pullback: add(x, y), less(x, y), where(condition, a, b), cond(...). For a concrete tensor, x.item() reads a number.`,
  },
  E0102: {
    title: "a tensor outlived the function that was being traced",
    body: `
The tensor was made while another function was traced and was kept (in an outer variable, an array, a class) and used after that trace ended.
Return it from the traced function instead.`,
  },
  E0103: {
    title: "the structures of two trees differ",
    body: `
Two trees that must match (arguments and gradients, a carry before and after a step, the outputs of two branches) do not. Both are printed.`,
  },
  E0104: {
    title: "a tree holds something that is not a leaf",
    body: `
Trees are objects, arrays, null, registered classes, and leaves: tensors, numbers, booleans. Keys __proto__, constructor and prototype are refused.
Pass anything else (strings, functions) as a static argument: jit(f, { static: [1] }).`,
  },
  E0105: {
    title: "a traced function returned something that is not a tensor",
    body: `
Functions given to jit, grad, vmap and the like return trees of tensors (or numbers).`,
  },
} as const;
