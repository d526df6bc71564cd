// Pages of the codes E02xx, shapes and dtypes. Text only.

/** Pages of the codes E02xx, shapes and dtypes. */
export const shapePages = {
  E0201: {
    title: "two shapes do not fit each other",
    body: `
A primitive needs shapes that agree exactly; the functions of the standard library broadcast as NumPy does: shapes are aligned at the right, and a
dimension of size 1 stretches. Anything else is refused, and both shapes are printed.
    add(x /* f32[64,256] */, b /* f32[256] */)     fits: b is repeated 64 times
    add(x /* f32[64,256] */, b /* f32[64] */)      does not: write b.reshape([64, 1])`,
  },
  E0202: {
    title: "contracted dimensions differ",
    body: `
matmul, dotGeneral and einsum sum over dimensions that must have the same size in both operands: the last of the left and the last but one of the
right in matmul, the same letter in einsum. Often an operand is the wrong way round: transpose it.`,
  },
  E0203: {
    title: "an axis does not exist",
    body: `
An axis must be an integer in [-rank, rank), and axes must not repeat. Primitives want axes that are non-negative and ascending; a permutation names
every axis once.`,
  },
  E0204: {
    title: "a dtype does not fit",
    body: `
Some operations work on floats only (exp), some on numbers (add), some on integers or booleans (and, shifts); indices are i32 and conditions bool.
Primitives never convert implicitly. Use x.astype("f32"). bitcast reads the same bits as another dtype of the same size; astype keeps the value.
An 8-bit float meets no other float by itself, as in JAX: say which dtype is meant.`,
  },
  E0205: {
    title: "a shape or size parameter is invalid",
    body: `
Sizes are non-negative integers; reshape keeps the number of elements; slices lie within their operand, with strides of at least 1; a window of
dynamicSlice is no larger than its operand; an axis that argmax searches is not empty. The message says which of these failed, with the numbers.`,
  },
} as const;
