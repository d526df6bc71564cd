// Bulk copies, signals and products out of shared memory as PTX for sm_90a: cp.async.bulk.tensor, mbarrier, wgmma. A tensor is a parameter of 128 bytes, a signal 8 bytes of shared memory.
import type { BulkStmt, SharedOperand } from "../../ir/tiled.ts";
import type { Place } from "./memory.ts";
import type { Code } from "./registers.ts";

/** The base addresses of a kernel's signals and tensors. */
export interface BulkPlaces {
  readonly signals: string;
  readonly tensor: (box: number) => string;
}
/** The module's text needs `sm_90a` for these. */
export const BULK_TARGET = "sm_90a";
/** Bytes between 8 rows of 128 bytes, and the descriptor's word for that and for the swizzle, in units of 16 bytes. */
const EIGHT_ROWS = 1024,
  HIGH = (EIGHT_ROWS / 16) | 0x40000000;

/** All signals with their counts, before anything else: one thread, then everyone sees them, bulk `copies` too. */
export function initSignals(c: Code, lane: string, signals: string, counts: readonly number[], copies: boolean): void {
  const others = c.label("signals");
  c.put("bra", [others], c.make("pred", "setp.ne.s32", lane, "0"));
  counts.forEach((n, i) => c.put("mbarrier.init.shared::cta.b64", [`[${signals}+${8 * i}]`, String(n)]));
  if (copies) c.put("fence.mbarrier_init.release.cluster");
  c.mark(others);
  c.put("bar.sync", ["0"]);
}
/** Everything of `BulkStmt` but products: `operands` are its expressions' registers. */
export function signalled(
  c: Code,
  s: Exclude<BulkStmt, { readonly kind: "multiplyShared" }>,
  { signals, tensor }: BulkPlaces,
  value: (e: Extract<BulkStmt, { readonly kind: "arrive" }>["signal"]) => string,
  shared: (buf: number, index: Parameters<typeof value>[0]) => string,
): void {
  const signalAt = (e: Parameters<typeof value>[0]): string => `[${c.make("b32", "mad.lo.s32", value(e), "8", signals)}]`;
  const boxAt = ({ box, at }: Extract<BulkStmt, { readonly kind: "copyBox" | "storeBox" }>): string =>
    `[${tensor(box)}, {${at.map(x => materialized(c, value(x))).join(", ")}}]`;
  switch (s.kind) {
    case "copyBox":
      c.put(`cp.async.bulk.tensor.${s.at.length}d.shared::cluster.global.tile.mbarrier::complete_tx::bytes`, [
        `[${shared(s.into, s.to)}]`,
        boxAt(s),
        signalAt(s.signal),
      ]);
      break;
    case "storeBox":
      c.put(`cp.async.bulk.tensor.${s.at.length}d.global.shared::cta.tile.bulk_group`, [boxAt(s), `[${shared(s.buf, s.from)}]`]);
      break;
    case "commitStores":
      c.put("cp.async.bulk.commit_group");
      break;
    case "waitStores":
      c.put("cp.async.bulk.wait_group.read", [String(s.pending)]);
      break;
    case "meet":
      c.put("bar.warp.sync", ["-1"]);
      break;
    case "expect":
      c.put("mbarrier.arrive.expect_tx.shared::cta.b64", ["_", signalAt(s.signal), String(s.bytes)]);
      break;
    case "arrive":
      c.put("mbarrier.arrive.shared::cta.b64", ["_", signalAt(s.signal)]);
      break;
    case "awaitPhase": {
      const signal = signalAt(s.signal),
        parity = value(s.parity),
        again = c.label("await"),
        ended = c.reg("pred");
      c.mark(again);
      c.put("mbarrier.try_wait.parity.shared::cta.b64", [ended, signal, parity]);
      c.put("bra", [again], `!${ended}`);
      break;
    }
    case "fenceProducts":
      c.put("wgmma.fence.sync.aligned");
      break;
    case "fenceStores":
      c.put("fence.proxy.async.shared::cta");
      break;
    case "commitProducts":
      c.put("wgmma.commit_group.sync.aligned");
      break;
    case "waitProducts":
      c.put("wgmma.wait_group.sync.aligned", [String(s.pending)]);
      break;
    case "registers":
      c.put(`setmaxnreg.${s.more ? "inc" : "dec"}.sync.aligned.u32`, [String(s.count)]);
      break;
  }
}
const materialized = (c: Code, x: string): string => (x.startsWith("%") ? x : c.make("b32", "mov.b32", x));

/** An operand in shared memory: its place, and where it begins, an index in a register (undefined: 0) and a constant. */
export interface Located {
  readonly place: Place;
  readonly operand: SharedOperand;
  readonly index: string | undefined;
  readonly more: number;
}
/** Products out of shared memory. What describes an operand is kept for the block: one begins so far behind another. */
export class SharedProducts {
  private readonly c: Code;
  private starts = new Map<string, string>();
  constructor(c: Code) {
    this.c = c;
  }
  /** Descriptors are known until this is called: control flow, or a variable that changes. */
  forget(): void {
    this.starts = new Map();
  }
  /** sums += lhs rhs, or = where `fresh`; `lhs`: where it is, or registers of a fragment. */
  multiply(
    s: Pick<Extract<BulkStmt, { readonly kind: "multiplyShared" }>, "dtype" | "fresh">,
    sums: readonly string[],
    lhs: Located | readonly string[],
    rhs: Located,
  ): void {
    const a = "place" in lhs ? this.describe(lhs) : `{${lhs.join(", ")}}`,
      turned = ({ operand }: Located): string => (operand.across ? "1" : "0");
    this.c.put(`wgmma.mma_async.sync.aligned.m64n${2 * sums.length}k16.f32.${s.dtype}.${s.dtype}`, [
      `{${sums.join(", ")}}`,
      a,
      this.describe(rhs),
      s.fresh === true ? "0" : "1",
      "1",
      "1",
      ...("place" in lhs ? [turned(lhs)] : []),
      turned(rhs),
    ]);
  }
  private describe({ place, operand: { across, panel }, index, more }: Located): string {
    const { c } = this,
      key = `${place.base} ${index} ${across} ${panel}`;
    let low = this.starts.get(key);
    if (low === undefined) {
      const at = index === undefined ? place.base : c.make("b32", "mad.lo.s32", index, "2", place.base),
        start = c.make("b32", "and.b32", c.make("b32", "shr.u32", at, "4"), "16383");
      this.starts.set(key, (low = c.make("b32", "or.b32", start, String(((across ? (2 * panel) / 16 : 1) << 16) >>> 0))));
    }
    const begins = more === 0 ? low : c.make("b32", "add.s32", low, String((2 * more) / 16)); // a group's memory ends before 2^18: no carry out of the 14 bits
    return c.make("b64", "mov.b64", `{${begins}, ${c.make("b32", "mov.b32", String(HIGH))}}`);
  }
}
