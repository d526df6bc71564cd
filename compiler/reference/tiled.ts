// Tiled kernels on plain arrays: every thread of a group runs to the next barrier in turn. Accesses out of bounds, threads that part ways at a barrier, and races (two threads
// at one element without a barrier between them, one of them writing) are errors: what a GPU would do with them is anybody's guess.
import { InternalError, unreachable } from "../../runtime/errors/error.ts";
import type { Expr } from "../ir/scalar.ts";
import { isSubgroupStmt, type SubgroupStmt } from "../ir/subgroup_matrix.ts";
import { isBulk, type TiledKernel, type TiledStmt } from "../ir/tiled.ts";
import { evaluateNode, type Reads } from "./expr.ts";
import { Copies, Fragments } from "./matrix.ts";
import { round } from "./scalar.ts";
import { SubgroupMatrices } from "./subgroup_matrix.ts";

/** Run a kernel on its parameters. `reversed`: threads take turns in the other order. @throws InternalError as above */
export function runTiled(k: TiledKernel, params: readonly Float64Array[], reversed = false): void {
  const touched = params.map(p => new Touched(p.length));
  for (let group = 0; group < k.groups; group++) new Group(k, params, touched, group, reversed).run();
}

/** Who was last at each element: groups over the whole launch, threads since the last barrier. -1: nobody; -2: several readers. */
class Touched {
  private readonly writer: Int32Array;
  private readonly reader: Int32Array;
  private readonly wrote: Int32Array;
  private readonly read: Int32Array;
  private readonly wroteAt: Int32Array;
  private readonly readAt: Int32Array;
  constructor(n: number) {
    [this.writer, this.reader, this.wrote, this.read, this.wroteAt, this.readAt] = Array.from({ length: 6 }, () =>
      new Int32Array(n).fill(-1),
    ) as [Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array];
  } // six
  /** Is an access by `thread` of `group` in its `epoch` a race with an earlier one? */
  races(at: number, group: number, thread: number, epoch: number, write: boolean): boolean {
    const { writer, reader, wrote, read, wroteAt, readAt } = this,
      w = writer[at] ?? -1,
      r = reader[at] ?? -1;
    const foreign = (w !== -1 && w !== group) || (write && r !== -1 && r !== group);
    const near =
      (w === group && wroteAt[at] === epoch && wrote[at] !== thread) ||
      (write && r === group && readAt[at] === epoch && read[at] !== thread);
    if (write) {
      writer[at] = group;
      wrote[at] = thread;
      wroteAt[at] = epoch;
    } else {
      read[at] = r === group && readAt[at] === epoch && read[at] !== thread ? -2 : thread;
      reader[at] = r === -1 || r === group ? group : -2;
      readAt[at] = epoch;
    }
    return foreign || near;
  }
}

interface Meeting {
  readonly at: TiledStmt;
  readonly values: readonly number[];
}
type Turns = Generator<Meeting, void, (lane: number) => readonly number[]>;

class Group {
  private readonly k: TiledKernel;
  private readonly memory: readonly Float64Array[];
  private readonly touched: readonly (Touched | undefined)[];
  readonly number: number;
  private readonly reversed: boolean;
  private epoch = 0;
  constructor(k: TiledKernel, params: readonly Float64Array[], touched: readonly Touched[], number: number, reversed: boolean) {
    this.k = k;
    this.memory = [...params, ...k.shared.map(s => new Float64Array(s.elements).fill(NaN))];
    this.touched = [...touched, ...k.shared.map(s => new Touched(s.elements))];
    this.number = number;
    this.reversed = reversed;
  }
  run(): void {
    const { k } = this,
      order = Array.from({ length: k.threads }, (_, i) => (this.reversed ? k.threads - 1 - i : i));
    const threads = Array.from({ length: k.threads }, (_, lane) => new Thread(this, k, lane).block(k.body));
    let values: readonly (readonly number[])[] = [];
    const from = (lane: number): readonly number[] => {
      const v = values[lane];
      if (v === undefined) throw new InternalError(`${k.name}: a shuffle from lane ${lane} of ${k.threads}`);
      return v;
    };
    for (;;) {
      const states = new Array<IteratorResult<Meeting, void>>(k.threads);
      for (const lane of order) states[lane] = (threads[lane] as Turns).next(from); // a lane
      const first = states[0] as IteratorResult<Meeting, void>; // at least one thread
      if (states.some(s => s.done !== first.done || (!s.done && !first.done && s.value.at !== first.value.at)))
        throw new InternalError(`${k.name}: threads of group ${this.number} part ways at a barrier`);
      if (first.done) return;
      if (first.value.at.kind === "barrier") this.epoch++;
      values = states.map(s => (s.done ? [] : s.value.values));
    }
  }
  element(thread: number, own: readonly Float64Array[], buf: number, at: number, write: boolean): Float64Array {
    const data = this.memory[buf] ?? own[buf - this.memory.length];
    if (!data || !(at >= 0 && at < data.length))
      throw new InternalError(`${this.k.name} touches element ${at} of buffer ${buf}, which has ${data?.length ?? 0}`);
    if (this.touched[buf]?.races(at, buf < this.k.params.length ? this.number : 0, thread, this.epoch, write) === true)
      throw new InternalError(
        `${this.k.name}: a race at element ${at} of buffer ${buf}, ${write ? "written" : "read"} by thread ${thread} of group ${this.number}`,
      );
    return data;
  }
}

class Thread {
  private readonly group: Group;
  private readonly k: TiledKernel;
  private readonly lane: number;
  private readonly own: readonly Float64Array[];
  private readonly vars = new Map<number, number>();
  private readonly reads: Reads;
  private readonly fragments: Fragments;
  private readonly copies = new Copies();
  private readonly matrices: SubgroupMatrices | undefined;
  /** Parameters that buffers stand for. */
  private readonly bound = new Map<number, number>();
  constructor(group: Group, k: TiledKernel, lane: number) {
    this.group = group;
    this.reads = {
      kernel: k.name,
      value: e => this.value(e),
      variables: this.vars,
      load: (buf, index) => this.load(this.single(buf), this.value(index)),
    };
    this.k = k;
    this.lane = lane;
    this.fragments = new Fragments(lane);
    this.own = k.local.map(s => new Float64Array(s.elements).fill(NaN));
    this.vars.set(k.vars.group.id, group.number).set(k.vars.lane.id, lane);
    if (k.subgroup) {
      const { v, threads } = k.subgroup,
        first = lane - (lane % threads),
        dtypes = [...k.params, ...k.shared];
      this.vars.set(v.id, first / threads);
      this.matrices = new SubgroupMatrices(k.name, threads, {
        dtype: buf => dtypes[buf]?.dtype,
        read: (thread, buf, at) => group.element(first + thread, [], buf, at, false)[at] ?? NaN,
        write: (thread, buf, at, value) => {
          group.element(first + thread, [], buf, at, true)[at] = value;
        },
      });
    }
  }
  *block(stmts: readonly TiledStmt[]): Turns {
    for (const s of stmts) yield* this.statement(s);
  }
  private *statement(s: TiledStmt): Turns {
    if (isBulk(s))
      throw new InternalError(
        `${this.k.name}: ${s.kind} is for the interpreter of PTX (tests/ptx): threads here go from barrier to barrier`,
      );
    if (isSubgroupStmt(s)) {
      yield* this.together(s);
      return;
    }
    switch (s.kind) {
      case "let":
      case "set":
        this.vars.set(s.v.id, this.value(s.value));
        break;
      case "store":
        if (!s.guard || this.value(s.guard) !== 0) this.store(this.single(s.buf), this.value(s.index), this.value(s.value));
        break;
      case "for":
        for (let i = this.value(s.begin), end = this.value(s.end); i < end; i++) {
          this.vars.set(s.v.id, i);
          yield* this.block(s.body);
        }
        break;
      case "while":
        while (this.value(s.cond) !== 0) yield* this.block(s.body);
        break;
      case "if":
        yield* this.block(this.value(s.cond) !== 0 ? s.yes : s.no);
        break;
      case "barrier":
        yield { at: s, values: [] };
        break;
      case "bind": {
        const part = this.value(s.part);
        if (!(part >= 0 && part < s.parts)) throw new InternalError(`${this.k.name}: part ${part} of ${s.parts}`);
        for (let j = 0; j < s.count; j++) this.bound.set(s.buf + j, s.from + s.count * part + j);
        break;
      }
      case "shuffle": {
        const from = yield { at: s, values: [this.value(s.value)] };
        this.vars.set(s.into.id, from(s.of ? this.value(s.of) : this.lane ^ s.mask)[0] ?? NaN);
        break;
      }
      case "loadVector": {
        const at = this.aligned(s.index, s.into.length);
        s.into.forEach((v, q) => this.vars.set(v.id, this.load(s.buf, at + q)));
        break;
      }
      case "storeVector": {
        const at = this.aligned(s.index, s.values.length),
          values = s.values.map(v => this.value(v));
        values.forEach((v, q) => this.store(s.buf, at + q, v));
        break;
      }
      case "loadFragment": {
        const at = this.value(s.index);
        if (s.rows !== 1 && s.cols !== 1) throw new InternalError(`${this.k.name}: a fragment whose rows and columns both have gaps`);
        this.fragments.load(s.into, (row, col) => this.load(s.buf, at + row * s.rows + col * s.cols));
        break;
      }
      case "packFragment":
        this.fragments.set(
          s.into,
          s.values.map(v => this.value(v)),
        );
        break;
      case "multiply": {
        const from = yield { at: s, values: this.fragments.offer(s.lhs, s.rhs) };
        this.fragments.product(s.lhs, s.rhs, this.lane, from).forEach((x, e) => {
          const v = s.sums[e];
          if (v) this.vars.set(v.id, Math.fround((this.vars.get(v.id) ?? NaN) + x));
        });
        break;
      }
      case "copyAsync":
        this.copy(s);
        break;
      case "commitCopies":
        this.copies.commit();
        break;
      case "waitCopies":
        this.copies.wait(s.pending);
        break;
      default:
        unreachable(s);
    }
  }
  /** The first thread of a subgroup does what all of it do. */
  private *together(s: SubgroupStmt): Turns {
    const { name, subgroup, threads } = this.k,
      index = "index" in s ? this.value(s.index) : 0,
      from = yield { at: s, values: [index] };
    if (!this.matrices || !subgroup || threads % subgroup.threads !== 0)
      throw new InternalError(`${name}: ${s.kind} without whole subgroups`);
    if (this.lane % subgroup.threads !== 0) return;
    for (let t = 1; t < subgroup.threads; t++)
      if (from(this.lane + t)[0] !== index) throw new InternalError(`${name}: threads of a subgroup disagree where a matrix lies`);
    this.matrices.run(s, index);
  }
  /** Until it lands the place holds NaNs, and belongs to this thread. */
  private copy(s: Extract<TiledStmt, { kind: "copyAsync" }>): void {
    const to = this.value(s.to),
      from = this.value(s.from),
      present = s.present ? this.value(s.present) : s.count;
    const values = Array.from({ length: s.count }, (_, q) => (q < present ? this.load(s.buf, from + q) : 0));
    const write = (xs: readonly number[]): void => xs.forEach((x, q) => this.store(s.into, to + q, x));
    this.copies.start(this.k.name, [...this.k.params, ...this.k.shared][s.into]?.dtype ?? "f64", s.count, to, present > 0 ? from : 0, () =>
      write(values),
    );
    write(values.map(() => NaN));
  }
  private aligned(index: Expr, count: number): number {
    const at = this.value(index);
    if (at % count !== 0) throw new InternalError(`${this.k.name}: a vector of ${count} at ${at}`);
    return at;
  }
  /** A buffer of which one element is read or written. */
  private single(buf: number): number {
    const { k } = this;
    if (k.shared[buf - k.params.length]?.packed) throw new InternalError(`${k.name}: one element of buffer ${buf}, which is packed`);
    return buf;
  }
  private load(b: number, at: number): number {
    return this.group.element(this.lane, this.own, this.bound.get(b) ?? b, at, false)[at] ?? NaN;
  }
  private store(b: number, at: number, value: number): void {
    const buf = this.bound.get(b) ?? b;
    const dtype = [...this.k.params, ...this.k.shared, ...this.k.local][buf]?.dtype ?? "f64";
    this.group.element(this.lane, this.own, buf, at, true)[at] = round(dtype, value);
  }
  private value(e: Expr): number {
    return evaluateNode(e, this.reads);
  }
}
