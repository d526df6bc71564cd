// Pages of the codes E04xx, marks. Text only.

/** Pages of the codes E04xx, marks. */
export const markPages = {
  E0401: {
    title: "no value carries this mark",
    body: `
reap, plant and fsam look for a value marked with a name, and found none. Three ways out: mark it, mark("logits", z), in the model; use a loss of
pullback/nn, which marks its logits; or use fsam.split({ model, loss }), which needs no marks.`,
  },
  E0402: {
    title: "the branches of a conditional mark different values",
    body: `
reap and plant need the same marks, with the same shapes, in every branch of cond and switch. For tangents and cotangents a branch without the mark
counts as zero; for primal values there is nothing to take, so mark a value in each branch, or move the mark out.`,
  },
  E0403: {
    title: "a mark inside a while loop",
    body: `
A while loop runs an unknown number of times, so its marked values have no fixed shape. Use scan or fori with fixed bounds, which stack the values,
or carry the value out of the loop and mark it there.`,
  },
  E0404: {
    title: "planted values do not fit the marks",
    body: `
plant needs one value for each mark that it finds, in program order, with the mark's shape and dtype (a single mark takes the tensor itself). A primal
value inside remat or customVjp can't be planted in a differentiated function, which computes it twice: plant first, then differentiate.`,
  },
} as const;
