// Attention on matrix units: which way each pass goes. Forward by fragments: groups own queries and walk over strips of keys and values; scores stay in registers, where weights become operands of the second
// product.
import type { AttentionKernel } from "../../../ir/kernel.ts";
import type { TiledStmt } from "../../../ir/tiled.ts";
import { expander } from "../../elementary/expand.ts";
import { passOf } from "../attention/cut.ts";
import type { Tiled } from "../builder.ts";
import type { TileTarget } from "../target.ts";
import { keysPass, queryPass } from "./attention_backward.ts";
import { BulkForward } from "./attention_bulk.ts";
import { BulkBackward } from "./attention_bulk_backward.ts";
import { Heads } from "./heads.ts";
import { headTensors } from "./heads_boxes.ts";
import { cutBulkHeads, cutHeads, type HeadsCut } from "./heads_cut.ts";
import { zeros } from "./rows.ts";
import { Softmax } from "./softmax.ts";

/** The kernel on matrix units, if the target has them and it is one for them. `aligned`: bytes of which the address of each parameter is a multiple. */
export function matrixAttention(k: AttentionKernel, target: TileTarget, aligned: (param: number) => number): Tiled | undefined {
  const cut = cutHeads(k, target, aligned);
  if (!cut) return undefined;
  const bulk = bulkAttention(k, cut, target, aligned);
  if (bulk) return bulk;
  const h = new Heads(k, cut, aligned);
  return h.finish(passOf(k, { forward: () => forwardPass(h, target), query: () => queryPass(h), keys: () => keysPass(h) }));
}
/** By bulk copies, where operands are tensors and it is estimated to take less time than by fragments. */
function bulkAttention(k: AttentionKernel, by: HeadsCut, target: TileTarget, aligned: (param: number) => number): Tiled | undefined {
  const { matrix } = target,
    cut = matrix && cutBulkHeads(k, by, matrix),
    tensors = cut && headTensors(k, aligned);
  if (!matrix || !cut || !tensors) return undefined;
  const gradient = (): Tiled => new BulkBackward(k, cut, aligned).kernel(tensors, matrix);
  return passOf(k, { forward: () => new BulkForward(k, cut, aligned).kernel(tensors, matrix, target), query: gradient, keys: gradient });
}

/** Sums of values times weights, by the online softmax. */
function forwardPass(h: Heads, target: TileTarget): TiledStmt[] {
  const { k } = h,
    q = h.own(k.q),
    keys = h.strips(k.k),
    values = h.strips(k.v),
    out = h.sums("out", h.depth),
    softmax = new Softmax(h, k);
  const walk = h.walk([q], [keys, values], turn => {
    const [scores, product] = h.scores("score", q, keys, turn);
    return [
      ...product,
      ...h.hide(scores, turn.start),
      ...softmax.weigh(scores),
      ...softmax.rescale(out),
      ...h.weighted(out, scores, values, turn),
    ];
  });
  return [...zeros(out), ...softmax.start("let"), ...walk, ...softmax.finish(out, expander(target))];
}
