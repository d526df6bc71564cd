// Training, the same in the page and in Node: the compiled functions of the model, and nothing of pullback but its launcher.
import { init, picture, step } from "./model.tensor.ts?compiled";
import { grid, spiral } from "./spiral.ts";

/** Points of a batch: what the model was compiled for. */
export const BATCH = 256;
/** Points of the picture, a side. */
export const SIDE = 48;

/** What is shown while it trains. */
export interface Progress {
  readonly step: number;
  readonly loss: number;
  /** The share of new points that are classified rightly. */
  readonly accuracy: number;
  /** Scores of the picture's points. */
  readonly picture: Float32Array;
}
/** Trains for `steps`, and shows how it goes every `every` steps. `batch` other than BATCH is an error that the launcher tells. */
export async function train(steps: number, every: number, show: (p: Progress) => void, batch: number = BATCH): Promise<void> {
  const points = grid(SIDE);
  let state = await init();
  for (let i = 1; i <= steps; i++) {
    const { x, labels } = spiral(batch, i);
    const out = await step(state, x, labels, i < steps / 2 ? 0.1 : 0.02);
    state = out.state;
    if (i % every === 0 || i === steps) {
      const scores = await picture(state.params, points);
      show({ step: i, loss: await out.loss.item(), ...(await accuracy(await scores.data())) });
      scores.dispose();
    }
    out.loss.dispose();
  }
}
/** Points that training has not seen, looked up in the picture. */
async function accuracy(scores: Float32Array): Promise<Pick<Progress, "accuracy" | "picture">> {
  const { x, labels } = spiral(1000, 77777);
  const pixel = (v: number): number => Math.min(SIDE - 1, Math.max(0, Math.floor(((v + 1) / 2) * SIDE)));
  let right = 0;
  labels.forEach((label, i) => {
    const at = pixel(-(x[2 * i + 1] ?? 0)) * SIDE + pixel(x[2 * i] ?? 0);
    if ((scores[at] ?? 0) * label > 0) right++;
  });
  return { accuracy: right / labels.length, picture: scores };
}
