// Pages of the codes E03xx, transforms. Text only.

/** Pages of the codes E03xx, transforms. */
export const transformPages = {
  E0301: {
    title: "a primitive lacks a rule",
    body: `
A transform met a primitive without the rule it needs. Add it to the primitive record: jvp (derivative), transpose (required when linear), batch.`,
  },
  E0302: {
    title: "grad needs a scalar output",
    body: `
grad differentiates functions that return one floating-point scalar. Reduce first (sum, mean), or use jacrev, jacfwd or vjp.`,
  },
  E0303: {
    title: "grad needs floating-point inputs",
    body: `
Only f32, f64, f16 and bf16 leaves have gradients. Choose the differentiated arguments with { argnums }, or convert with astype.`,
  },
  E0305: {
    title: "a collective names an axis that nothing binds",
    body: `
psum, pmean, pmax and the like combine values across a named axis, which vmap(f, { axisName }) binds. The name must match.`,
  },
  E0304: {
    title: "the axes of a vmap do not fit",
    body: `
All mapped axes of the arguments need one size; with nothing mapped, give { size }. A result that depends on a mapped argument needs an out axis.`,
  },
  E0306: {
    title: "a custom derivative does not fit its function",
    body: `
customJvp and customVjp rules must return what the derivative of the function would look like: the same trees, shapes and dtypes. They do not
differentiate with respect to tensors that the function closes over: pass those as arguments.`,
  },
} as const;
