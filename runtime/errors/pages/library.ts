// Pages of the codes E08xx, the standard library. Text only.

/** Pages of the codes E08xx, the standard library. */
export const libraryPages = {
  E0801: {
    title: "an option has an invalid value",
    body: `
The message names the option, the value and what is allowed.`,
  },
  E0802: {
    title: "a check of pullback/testing failed",
    body: `
checkGrads or checkPrimitive found a derivative, a batch rule, a device or a text that disagrees with its reference. The message has both numbers.`,
  },
  E0803: {
    title: "a gradient function gave no gradient of its first argument",
    body: `
sam, fsam and their relatives wrap functions like grad(loss) or valueAndGrad(loss): the first argument is the parameters, and the result is their gradient, or an
object with the gradient as \`grad\`. Differentiate the whole first argument (no argnums); keep frozen parameters in another argument, or pass a mask.`,
  },
} as const;
