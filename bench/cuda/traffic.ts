// npm run bench:cuda -- --traffic: what a row's program moves on a card, kernel by kernel, without one: traced at the sizes of its inputs, cut for a card and not run.
import { zeros } from "pullback";
import { trace, type Aval, type Tensor } from "pullback/extend";
import * as tree from "pullback/tree";
import { traffic } from "../../compiler/compile.ts";
import { printTraffic, type Traffic } from "../../compiler/lower/tile/traffic.ts";
import { programOf } from "./rows.ts";
import type { CudaRow } from "./work.ts";

/** What H100 and H200 have. */
const CARD = { capability: 90, threads: 1024, sharedBytes: 49152, sharedBytesOptIn: 232448, processors: 132 } as const;

/** Launches and bytes of each kernel of one evaluation. */
export function trafficOfRow({ work }: CudaRow): readonly Traffic[] {
  const { f, inputs, precision, carried = false } = programOf(work),
    avals: readonly Aval[] = trace(
      () => inputs(({ kind, shape }) => zeros([...shape], { dtype: kind === "integers" ? "i32" : "f32" })),
      [],
    ).func.results.map(r => r.aval),
    { func } = trace((...xs) => tree.leaves(f(...xs)) as Tensor[], avals), // tensors
    donate = avals.map((_, i) => carried && i < avals.length - 1);
  return traffic(func, { kind: "cuda", features: CARD }, { donate, ...(precision && { precision }) });
}
/** The rows' tables. */
export const trafficText = (rows: readonly CudaRow[]): string =>
  rows.map(r => `${r.title}, sm_90a\n${printTraffic(trafficOfRow(r))}\n`).join("\n");
