// Pages of the codes E04xx, marks. Text only.

/** Pages of the codes E04xx, marks. */
export const markPages = {
  E0401: { title: "no value carries this mark", body: `
reap, plant and fsam look for a value marked with a name, and found none. Three ways out: mark it, mark("logits", z), in the model; use a loss of
pullback/nn, which marks its logits; or use fsam.split({ model, loss }), which needs no marks.` },
} as const;
