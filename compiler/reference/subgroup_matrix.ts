// Matrices of subgroups on plain numbers, for the interpreter of tiled kernels: one thread of a subgroup holds them whole. Which thread of a subgroup touches an element of memory is nobody's to know, so it is
// another one for each.
import { InternalError } from "../../runtime/errors/error.ts";
import type { Matrix, SubgroupStmt } from "../ir/subgroup_matrix.ts";

/** Element `at` of buffer `buf`, touched by the subgroup's thread number `thread`. */
export interface Memory {
  dtype(buf: number): string | undefined;
  read(thread: number, buf: number, at: number): number;
  write(thread: number, buf: number, at: number, value: number): void;
}

/** The matrices of one subgroup of so many threads. */
export class SubgroupMatrices {
  private readonly held = new Map<number, Float64Array>();
  private readonly kernel: string;
  private readonly threads: number;
  private readonly memory: Memory;
  constructor(kernel: string, threads: number, memory: Memory) {
    this.kernel = kernel;
    this.threads = threads;
    this.memory = memory;
  }
  /** One statement; `index` is the value of its index. @throws InternalError for what no adapter could do */
  run(s: SubgroupStmt, index: number): void {
    switch (s.kind) {
      case "clearMatrix":
        this.held.set(s.into.id, new Float64Array(s.into.rows * s.into.cols));
        break;
      case "loadMatrix": {
        const values = new Float64Array(s.into.rows * s.into.cols);
        this.each(s, s.into, index, (at, e, thread) => {
          values[e] = this.memory.read(thread, s.buf, at);
        });
        this.held.set(s.into.id, values);
        break;
      }
      case "storeMatrix": {
        const values = this.of(s.from);
        this.each(s, s.from, index, (at, e, thread) => this.memory.write(thread, s.buf, at, values[e] ?? NaN));
        break;
      }
      case "multiplyMatrices": {
        const { sums, lhs, rhs } = s,
          [out, a, b] = [this.of(sums), this.of(lhs), this.of(rhs)];
        if (lhs.cols !== rhs.rows || lhs.rows !== sums.rows || rhs.cols !== sums.cols || lhs.dtype !== rhs.dtype || sums.dtype !== "f32")
          throw new InternalError(`${this.kernel}: matrices that do not fit each other`);
        for (let i = 0; i < sums.rows; i++)
          for (let j = 0; j < sums.cols; j++) {
            let sum = out[i * sums.cols + j] ?? NaN;
            for (let l = 0; l < lhs.cols; l++) sum += (a[i * lhs.cols + l] ?? NaN) * (b[l * rhs.cols + j] ?? NaN);
            out[i * sums.cols + j] = Math.fround(sum);
          }
        break;
      }
    }
  }
  private each(
    { buf, rows, cols }: Pick<Extract<SubgroupStmt, { kind: "loadMatrix" }>, "buf" | "rows" | "cols">,
    m: Matrix,
    index: number,
    use: (at: number, e: number, thread: number) => void,
  ): void {
    const dtype = this.memory.dtype(buf);
    if (dtype !== m.dtype || (rows !== 1 && cols !== 1))
      throw new InternalError(`${this.kernel}: a matrix of ${m.dtype} in memory of ${dtype}, ${rows} and ${cols} elements apart`);
    for (let e = 0; e < m.rows * m.cols; e++)
      use(index + Math.floor(e / m.cols) * rows + (e % m.cols) * cols, e, (7 * e + 3) % this.threads);
  }
  private of(m: Matrix): Float64Array {
    const values = this.held.get(m.id);
    if (!values) throw new InternalError(`${this.kernel}: a matrix that nothing was put into`);
    return values;
  }
}
