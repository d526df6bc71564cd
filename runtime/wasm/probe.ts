// Does the engine pair adjacent 128-bit vector operations into 256-bit ones, and does that pay on this processor? V8's revectorizer is an experimental flag whose
// effect cannot be asked for, so it is measured: the same loop compiled before the flag and after it, turn about, each at its best.
// What follows from the answer changes speed only: kernels for paired vectors sum in the same order, so a wrong answer never changes a bit.

/** How V8 is told and how time is told; a test gives its own. */
export interface ProbeHost {
  /** Set V8 flags, in effect for whatever is compiled from then on. */
  readonly set: (...flags: readonly string[]) => void;
  /** Milliseconds. */
  readonly now: () => number;
  /** Functions start in the baseline compiler, which pairs nothing: they must be pushed to the top tier. */
  readonly baselineFirst: boolean;
}

const PAIR = "--experimental-wasm-revectorize";
/** At the top tier when first called again; and back to V8's defaults. */
const EAGER = ["--wasm-tiering-budget=1", "--wasm-sync-tier-up"],
  LAZY = ["--wasm-tiering-budget=13000000", "--no-wasm-sync-tier-up"];
/** Turns of the loop in one sample (about 20 µs, far below a time slice), and samples of each kind: of a process that is often interrupted some still are whole. */
const TURNS = 2000,
  SAMPLES = 15;
/** Pairing must gain this much. Where vectors are paired the loop takes 0.5 to 0.65 of the time, else 0.97 to 1.03. */
const GAIN = 1.3;

/** Tell the engine to pair, from now on, in all modules of the process. */
export const pairVectors = (set: ProbeHost["set"]): void => set(PAIR);

/** Measures, and leaves the flag on if pairing pays and off if not. About 5 ms. */
export function pairingPays(host: ProbeHost): boolean {
  if (host.baselineFirst) host.set(...EAGER);
  try {
    const single = compiled(1);
    pairVectors(host.set);
    const paired = compiled(2); // other bytes: an engine may share the code of equal modules
    const best = [Infinity, Infinity];
    for (let s = 0; s < SAMPLES; s++)
      [single, paired].forEach((f, i) => {
        const from = host.now();
        f(TURNS);
        best[i] = Math.min(best[i] ?? 0, host.now() - from);
      });
    const [alone = 0, together = 0] = best,
      pays = alone > GAIN * together;
    if (!pays) host.set(PAIR.replace("--", "--no-"));
    return pays;
  } finally {
    if (host.baselineFirst) host.set(...LAZY);
  }
}

/** The loop, compiled: engines compile a function at its first call, so it has been called. */
function compiled(pages: number): (turns: number) => void {
  const { f } = new WebAssembly.Instance(new WebAssembly.Module(loopModule(pages))).exports;
  const run = f as (turns: number) => void; // exported below
  run(1);
  run(1);
  return run;
}

const VECTORS = 4,
  STEPS = 12;
/** (module (memory `pages`) (func (export "f") (param $turns i32) ...)): each turn loads four adjacent vectors x, computes y = y x + x twelve times for each, and stores
 *  the four y. Loads, then arithmetic, then stores: what the revectorizer recognises. */
export function loopModule(pages: number): Uint8Array<ArrayBuffer> {
  const get = (local: number): number[] => [0x20, local],
    set = (local: number): number[] => [0x21, local],
    x = (i: number): number => 1 + i,
    y = (i: number): number => 1 + VECTORS + i;
  const zero = [0x41, 0],
    mul = [0xfd, 0xe6, 0x01],
    add = [0xfd, 0xe4, 0x01],
    each = (code: (i: number) => number[]): number[] => Array.from({ length: VECTORS }, (_, i) => code(i)).flat();
  const body = [
    ...[1, 2 * VECTORS, 0x7b], // locals: v128
    ...[0x03, 0x40], // loop
    ...each(i => [...zero, 0xfd, 0x00, 4, 16 * i, ...set(x(i))]),
    ...each(i => [...get(x(i)), ...set(y(i))]),
    ...Array.from({ length: STEPS }, () => each(i => [...get(y(i)), ...get(x(i)), ...mul, ...get(x(i)), ...add, ...set(y(i))])).flat(),
    ...each(i => [...zero, ...get(y(i)), 0xfd, 0x0b, 4, 16 * (VECTORS + i)]),
    ...[...get(0), 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0], // br_if while --turns
    ...[0x0b, 0x0b],
  ];
  const size = (n: number): number[] => (n < 128 ? [n] : [(n % 128) | 128, n >> 7]),
    section = (id: number, content: readonly number[]): number[] => [id, ...size(content.length), ...content];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, 0x7f, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, pages]),
    ...section(7, [1, 1, 0x66, 0, 0]),
    ...section(10, [1, ...size(body.length), ...body]),
  ]);
}
