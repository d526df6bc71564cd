// 8x8 matrices of 16-bit elements between shared memory and fragments: ldmatrix, stmatrix, movmatrix. Row r of matrix m is where lane 8m + r points; lane l holds elements
// 2(l%4) and 2(l%4)+1 of row l/4, or, transposed, of column l/4.
import { plain, type Decoder, type Decoding } from "../decode.ts";
import type { Action } from "../program.ts";
import { accessing, AT, type Access } from "./address.ts";
import { aligned } from "./control.ts";

interface Shape {
  readonly count: 1 | 2 | 4;
  readonly transposed: boolean;
}
function shape(d: Decoding): Shape {
  d.must(["sync"]);
  d.must(["aligned"]);
  d.must(["m8n8"]);
  d.type(["b16"]);
  d.must(["shared", "shared::cta"]);
  const count = Number(d.must(["x1", "x2", "x4"]).slice(1)) as 1 | 2 | 4; // the three above
  d.count(2);
  return { count, transposed: d.take("trans") };
}
const lanesOf = (count: number): number => (count === 4 ? -1 : (1 << (8 * count)) - 1);

function load(d: Decoding): Action {
  d.needs(75, 6.5);
  const { count, transposed } = shape(d),
    to = d.vector(d.operand(0)).map(o => d.target(o, "b32")),
    races = d.machine.races;
  if (to.length !== count) d.fail(`${to.length} registers for ${count} matrices`);
  const access: Access = (w, mask, m, block) => {
    if (races) w.block.launch.races?.access(w, mask, m, block, AT, 16, "read");
    const E = m.u16;
    for (let k = 0; k < count; k++)
      for (let l = 0; l < 32; l++) {
        const i = l >> 2,
          j = (l & 3) * 2,
          row = (r: number): number => (AT[8 * k + r] as number) >> 1; // AT has 32
        const low = transposed ? E[row(j) + i] : E[row(i) + j],
          up = transposed ? E[row(j + 1) + i] : E[row(i) + j + 1];
        w.i32[(to[k] ?? 0) + l] = (low as number) | ((up as number) << 16); // in bounds, as located
      }
  };
  const run = accessing(d, d.operand(1), "shared", 16, access);
  return plain((w, mask) => {
    aligned(w, mask);
    run(w, lanesOf(count));
  });
}
function store(d: Decoding): Action {
  d.needs(90, 7.8);
  const { count, transposed } = shape(d),
    from = d.vector(d.operand(1)).map(o => d.source(o, "b32")),
    races = d.machine.races;
  if (from.length !== count) d.fail(`${from.length} registers for ${count} matrices`);
  const access: Access = (w, mask, m, block) => {
    if (races) w.block.launch.races?.access(w, mask, m, block, AT, 16, "write");
    const E = m.u16;
    for (let k = 0; k < count; k++)
      for (let l = 0; l < 32; l++) {
        const i = l >> 2,
          j = (l & 3) * 2,
          x = w.i32[(from[k] ?? 0) + l] as number, // a lane of a source
          row = (r: number): number => (AT[8 * k + r] as number) >> 1;
        E[transposed ? row(j) + i : row(i) + j] = x;
        E[transposed ? row(j + 1) + i : row(i) + j + 1] = x >>> 16;
      }
  };
  const run = accessing(d, d.operand(0), "shared", 16, access);
  return plain((w, mask) => {
    aligned(w, mask);
    run(w, lanesOf(count));
  });
}

/** ldmatrix, stmatrix, movmatrix. */
export const MATRICES: Readonly<Record<string, Decoder>> = {
  ldmatrix: load,
  stmatrix: store,
  movmatrix: d => {
    d.needs(75, 7.8);
    for (const m of ["sync", "aligned", "m8n8", "trans"]) d.must([m]);
    d.type(["b16"]);
    d.count(2);
    const to = d.target(d.operand(0), "b32"),
      from = d.source(d.operand(1), "b32");
    return plain((w, mask) => {
      aligned(w, mask);
      const x = w.i32.slice(from, from + 32),
        at = (i: number, j: number): number => ((x[4 * i + (j >> 1)] as number) >>> (16 * (j & 1))) & 0xffff; // 32 of them
      for (let l = 0; l < 32; l++) w.i32[to + l] = at(2 * (l & 3), l >> 2) | (at(2 * (l & 3) + 1, l >> 2) << 16);
    });
  },
};
