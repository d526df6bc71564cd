// The gradient of the model as a program, at every stage that the compiler can print for the device in use.
import { defaultDevice, grad, jit, zeros, type Stage } from "pullback";
import * as random from "pullback/random";
import { fsam } from "pullback/sharpness";
import type { Config } from "../09-gpt/config.ts";
import { init, lossOf } from "../09-gpt/model.ts";

/** Stages in the order of compilation; the last is the code of the device. */
export const stagesOf = (): readonly Stage[] => [
  "func",
  "optimized",
  "kernels",
  ...(defaultDevice().kind === "webgpu" ? (["wgsl"] as const) : (["wat"] as const)),
];

/** The text of one stage: Functional-SAM's gradient, or the plain one. Nothing runs. */
export function stageText(config: Config, vocabulary: number, stage: Stage, functional: boolean): string {
  const plain = grad(lossOf(config)),
    params = init(random.key(config.seed), vocabulary, config),
    tokens = zeros([config.batch, config.context + 1], { dtype: "i32" });
  try {
    return jit(functional ? fsam(plain, { rho: config.rho }) : plain)
      .lower(params, tokens)
      .text(stage);
  } finally {
    tokens.dispose();
  }
}
