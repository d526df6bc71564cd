// Pages of the codes E1141 and E1142, models compiled ahead of time. Text only.

/** Pages of compilation ahead of time. */
export const aheadPages = {
  E1141: {
    title: "a dimension has no size when a model is compiled ahead of time",
    body: `
import "./model.ts?compiled" compiles the exported functions at the shapes that their types say, so every dimension needs a size: a number in the type, or, for a named one,
import "./model.ts?compiled&batch=32" or the plugin's option ahead: { sizes: { batch: 32 } }. For several sizes import the model several times.`,
  },
  E1142: {
    title: "an exported function cannot be compiled ahead of time",
    body: `
Every parameter's type must say a shape (Tensor<[64, 784], "f32">, trees of them, or number), arguments and results are plain objects and arrays, and tracing must succeed.
Exported functions whose parameters say no shapes are left out; import "./model.ts?compiled=step,loss" compiles these two and complains about no other. The message gives the
reason.`,
  },
} as const;
