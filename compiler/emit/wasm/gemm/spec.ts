// What a matrix product is, to the generator: sizes, where the operands' elements come from, where results go.
// Why: transposes, batches, broadcasts, fused prologues and epilogues are all descriptions here, not copies made before.
// It refuses dynamic sizes and any layout search: the lowering decides what to describe.
//
// Letters, everywhere in this folder: M rows, N columns, K contracted; out[b,i,j] = sum_k a[b,i,k] b[b,k,j].
import type { FuncBuilder, Local } from "../encoder/function.ts";

/** Position of an element (or of the first of a vector of elements) as i32 locals. */
export interface At {
  readonly batch: Local;
  readonly row: Local;
  readonly col: Local;
}

/** Elements in memory at base + (row * rowStride + col * colStride) * size. Strides are in elements and not negative; 0 broadcasts. */
export interface StridedSource {
  readonly kind: "strided";
  /** False: every batch uses the same matrix, and it is packed once. */
  readonly batched: boolean;
  readonly row: number;
  readonly col: number;
  /** Pushes the byte address of element [batch, 0, 0]. Several batch dimensions are the caller's division to make. */
  readonly base: (f: FuncBuilder, batch: Local) => void;
}

/** Elements in memory at base + rowTable[row] + colTable[col]: im2col without the copy, and any other separable gather. A convolution over a
 *  padded input is one: a pixel contributes its corner's offset, a (channel, ky, kx) its distance from that. Always packed. */
export interface IndexedSource {
  readonly kind: "indexed";
  readonly batched: boolean;
  /** Pushes the byte address that the offsets of a batch count from. */
  readonly base: (f: FuncBuilder, batch: Local) => void;
  /** Push the addresses of tables of i32 byte offsets, one entry a row and one a column. */
  readonly rowTable: (f: FuncBuilder) => void;
  readonly colTable: (f: FuncBuilder) => void;
  /** Promise about that axis: each group of 4 (f32) or 2 (f64) positions that starts at a multiple of that is contiguous in memory. */
  readonly contiguous?: "row" | "col";
}

/** Elements by code: a fused prologue, an irregular gather. Always packed, so each element is computed once (per task for A). */
export interface ComputedSource {
  readonly kind: "computed";
  readonly batched: boolean;
  /** Axis along which `Reader.vector` reads; absent: only `scalar` is called. */
  readonly vectorAxis?: "row" | "col";
  /** Called once at the top of each function that reads, to load constants and pointers into locals. */
  readonly open: (f: FuncBuilder) => Reader;
}

/** Emits reads of one computed operand inside one function. */
export interface Reader {
  /** Pushes the element at a position, as the product's dtype. */
  readonly scalar: (at: At) => void;
  /** Pushes 4 (f32) or 2 (f64) consecutive elements along `vectorAxis`, starting at the position. */
  readonly vector?: (at: At) => void;
}

/** Where an operand's elements come from. */
export type MatrixSource = StridedSource | IndexedSource | ComputedSource;

/** Results in memory. `base` pushes the byte address of [batch, 0, 0]. */
export interface PlainOutput {
  readonly kind: "plain";
  /** Strides in elements; absent: rows of N contiguous elements. */
  readonly strides?: { readonly row: number; readonly col: number };
  readonly base: (f: FuncBuilder, batch: Local) => void;
}

/** A fused epilogue. */
export interface ComputedOutput {
  readonly kind: "computed";
  /** Called once at the top of each function that stores. The emitter it returns is called with `acc` holding the finished sums of
   *  `lanes` consecutive columns: a v128 when lanes is 4 (f32) or 2 (f64), a scalar local of the dtype when 1. Each element is
   *  stored exactly once, so the output may share memory with an elementwise input of the epilogue, never with a or b. */
  readonly open: (f: FuncBuilder) => (at: At, acc: Local, lanes: number) => void;
}

/** One (batched) product. All sizes may be zero; K = 0 gives zeros. */
export interface GemmSpec {
  readonly dtype: "f32" | "f64";
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: MatrixSource;
  readonly b: MatrixSource;
  readonly out: PlainOutput | ComputedOutput;
}

/** The same product as (b^T a^T)^T: results go where they went. */
export function transposed(spec: GemmSpec): GemmSpec {
  return { ...spec, m: spec.n, n: spec.m, a: flip(spec.b), b: flip(spec.a), out: flipOutput(spec.out, spec.n) };
}

const other = (axis: "row" | "col"): "row" | "col" => (axis === "row" ? "col" : "row");
const flipAt = (at: At): At => ({ batch: at.batch, row: at.col, col: at.row });

function flip(source: MatrixSource): MatrixSource {
  if (source.kind === "strided") return { ...source, row: source.col, col: source.row };
  if (source.kind === "indexed") {
    const { contiguous } = source;
    return { ...source, rowTable: source.colTable, colTable: source.rowTable, ...(contiguous && { contiguous: other(contiguous) }) };
  }
  const { vectorAxis, ...rest } = source;
  return {
    ...rest,
    ...(vectorAxis && { vectorAxis: other(vectorAxis) }),
    open: f => {
      const { scalar, vector } = source.open(f);
      return { scalar: at => scalar(flipAt(at)), ...(vector && { vector: (at: At) => vector(flipAt(at)) }) };
    },
  };
}

function flipOutput(out: GemmSpec["out"], n: number): GemmSpec["out"] {
  if (out.kind === "plain") {
    const { row, col } = out.strides ?? { row: n, col: 1 };
    return { ...out, strides: { row: col, col: row } };
  }
  return {
    kind: "computed",
    open: f => {
      const store = out.open(f);
      return (at, acc, lanes) => store(flipAt(at), acc, lanes);
    },
  };
}
