// Pages of the codes E02xx, shapes and dtypes. Text only.

/** Pages of the codes E02xx, shapes and dtypes. */
export const shapePages = {
  E0201: { title: "two shapes do not fit each other", body: `
A primitive needs shapes that agree exactly; the functions of the standard library broadcast as NumPy does: shapes are aligned at the right, and a
dimension of size 1 stretches. Anything else is refused, and both shapes are printed.` },
  E0202: { title: "contracted dimensions differ", body: `
matmul, dotGeneral and einsum sum over dimensions that must have the same size in both operands.` },
  E0203: { title: "an axis does not exist", body: `
An axis must be an integer in [-rank, rank), and axes must not repeat.` },
  E0204: { title: "a dtype does not fit", body: `
Some operations work on floats only (exp), some on integers or booleans (and, shifts); primitives never convert implicitly. Use x.astype("f32").` },
  E0205: { title: "a shape or size parameter is invalid", body: `
Sizes are non-negative integers; reshape keeps the number of elements; slices lie within their operand.` },
} as const;
