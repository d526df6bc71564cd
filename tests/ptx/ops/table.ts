// All opcodes. Where integers and floats share one (add, min, …), the type decides.
import type { Decoder } from "../decode.ts";
import { ATOMIC } from "./atomic.ts";
import { BITS } from "./bits.ts";
import { COMPARE } from "./compare.ts";
import { CONTROL } from "./control.ts";
import { CONVERT } from "./convert.ts";
import { EXCHANGE } from "./exchange.ts";
import { FLOAT } from "./float.ts";
import { bulk } from "./bulk.ts";
import { copies } from "./copies.ts";
import { MATRICES } from "./matrices.ts";
import { MBARRIER } from "./mbarrier.ts";
import { MMA } from "./mma.ts";
import { WGMMA } from "./wgmma.ts";
import { INTEGER } from "./integer.ts";
import { LOADSTORE } from "./loadstore.ts";
import { MOVE } from "./move.ts";

const arithmetic: Record<string, Decoder> = {};
for (const op of new Set([...Object.keys(INTEGER), ...Object.keys(FLOAT)])) {
  const whole = INTEGER[op],
    real = FLOAT[op];
  arithmetic[op] = d => {
    const f = /^b?f\d/.test(d.last()) ? real : whole;
    return f ? f(d) : d.fail(`${op} has no type .${d.last()}`);
  };
}

/** The decoder of each opcode. */
export const DECODERS: Readonly<Record<string, Decoder>> = {
  ...arithmetic,
  ...BITS,
  ...MOVE,
  ...COMPARE,
  ...CONVERT,
  ...LOADSTORE,
  ...ATOMIC,
  ...CONTROL,
  ...EXCHANGE,
  ...MATRICES,
  ...MMA,
  ...MBARRIER,
  ...WGMMA,
  cp: copies(bulk),
};
