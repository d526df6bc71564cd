// cp.async: copies of 4, 8 or 16 bytes a thread from global to shared memory, in groups of the thread. They land when their group is waited for (late), or at once (early).
import { plain, type Decoder, type Decoding } from "../decode.ts";
import { bits } from "../block.ts";
import type { Action } from "../program.ts";
import type { Flight } from "../races/races.ts";
import type { Warp } from "../warp.ts";
import { accessing, AT } from "./address.ts";
import { barrierAt } from "./mbarrier.ts";

function copy(d: Decoding): Action {
  const cache = d.must(["ca", "cg"]);
  d.must(["shared", "shared::cta"]);
  d.must(["global"]);
  d.matching(/^L2::/);
  d.count(3, 4);
  const bytes = d.constant(d.operand(2)),
    given = d.operands[3];
  if (!(bytes === 16 || (cache === "ca" && (bytes === 4 || bytes === 8)))) d.fail(`cp.async.${cache} of ${bytes} bytes`);
  const size = given === undefined ? undefined : d.source(given, "u32"),
    early = d.machine.copies === "early",
    to = new Float64Array(32),
    from = new Float64Array(32);
  const toShared = accessing(d, d.operand(0), "shared", bytes, () => to.set(AT));
  // a lane whose source has no bytes may point anywhere
  const toGlobal = accessing(d, d.operand(1), "global", bytes, () => from.set(AT));
  return plain((w, mask) => {
    const { launch, shared } = w.block,
      source = launch.global;
    let reading = mask;
    if (size !== undefined) for (let l = 0; l < 32; l++) if (w.u32[size + l] === 0) reading &= ~(1 << l);
    toShared(w, mask);
    if (reading !== 0) toGlobal(w, reading);
    const at = to.slice(),
      origin = from.slice(),
      counts = Int32Array.from({ length: 32 }, (_, l) => (size === undefined ? bytes : Math.min(bytes, w.u32[size + l] as number))), // a lane of a source
      flights: (Flight | undefined)[] = [];
    const { races } = launch;
    for (let l = 0; l < 32; l++) {
      if (!races || ((mask >>> l) & 1) === 0) continue;
      if ((counts[l] as number) > 0) races.touch(w, l, source, origin[l] as number, counts[l] as number, "read");
      flights[l] = races.begin(w, l, shared, at[l] as number, bytes, "write");
    }
    if (!early) for (let l = 0; l < 32; l++) if (((mask >>> l) & 1) === 1) shared.u8.fill(0xff, at[l], (at[l] as number) + bytes);
    const move = (lanes: number): void => {
      for (let l = 0; l < 32; l++) {
        if (((lanes >>> l) & 1) === 0) continue;
        const n = counts[l] as number, // 32 of each
          p = at[l] as number,
          q = origin[l] as number;
        for (let k = 0; k < bytes; k++) shared.u8[p + k] = k < n ? (source.u8[q + k] as number) : 0;
      }
    };
    const settle = (lanes: number): void => {
      for (let l = 0; l < 32; l++) if (((lanes >>> l) & 1) === 1 && flights[l]) races?.landed(flights[l] as Flight); // just checked
    };
    if (early) move(mask);
    w.copies.open.push({
      lanes: mask,
      land: lanes => {
        if (!early) move(lanes);
        settle(lanes);
      },
    });
  });
}
/** cp.async.mbarrier.arrive: an arrival when all copies of the thread so far have landed. */
function arrival(d: Decoding): Action {
  d.must(["arrive"]);
  const counted = !d.take("noinc");
  d.ignore("shared", "shared::cta");
  d.type(["b64"]);
  d.count(1);
  const locate = barrierAt(d, d.operand(0), false);
  return plain((w, mask) => {
    const { barrier } = locate(w, mask),
      { launch } = w.block;
    if (counted) barrier.expectArrivals(bits(mask));
    const land = (): void => {
      w.copies.all(mask);
      barrier.arrive(bits(mask), launch.races?.tell(w));
    };
    if (d.machine.copies === "early") land();
    else launch.transfers.push({ land });
  });
}

/** cp.async and its groups; `bulk` is what decodes cp.async.bulk. */
export const copies =
  (bulk: Decoder): Decoder =>
  d => {
    const reduce = d.take("reduce");
    d.must(["async"]);
    if (reduce || d.instruction.mods.includes("bulk")) return bulk(d);
    d.needs(80, 7.0);
    if (d.take("commit_group"))
      return plain((w: Warp, mask) => {
        w.copies.commit(mask);
      });
    if (d.take("wait_group")) {
      const keep = d.constant(d.operand(0));
      return plain((w, mask) => {
        w.copies.wait(mask, keep);
      });
    }
    if (d.take("wait_all"))
      return plain((w, mask) => {
        w.copies.commit(mask);
        w.copies.wait(mask, 0);
      });
    return d.take("mbarrier") ? arrival(d) : copy(d);
  };
