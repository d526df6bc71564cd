// A whole Schedule on plain memory: what lowering and its memory plan mean, without any emitter. Slots are views of one arena, as in a real program, so
// that a plan that lets two live values overlap gives wrong numbers.
import { byteSize, hostArray, hostView, type DType, type HostArray } from "../../runtime/dtype.ts";
import { InternalError, unreachable } from "../../runtime/errors/error.ts";
import { fromPattern, isNarrowFloat, toPattern } from "../../runtime/narrow.ts";
import type { Kernel } from "../ir/kernel.ts";
import type { TiledKernel } from "../ir/tiled.ts";
import type { Schedule, SlotRef, Step } from "../ir/schedule.ts";
import type { HostTensor } from "./evaluate.ts";
import { runGemm, runHeads, runKernel } from "./interpret.ts";
import { runTiled } from "./tiled.ts";

type AnyKernel = Kernel | TiledKernel;
/** Numbers of each result, in order. Donated inputs are overwritten in place, as a device would. @throws InternalError on any access out of bounds */
export function runSchedule(p: Schedule<AnyKernel>, inputs: readonly HostTensor[]): Float64Array[] {
  const m = new Machine(p, inputs);
  m.steps(p.steps);
  return Array.from({ length: p.outputs }, (_, i) => {
    const slot = p.slots.find(s => s.home.kind === "output" && s.home.index === i),
      forward = p.forwarded.find(f => f.output === i);
    if (!slot) throw new InternalError(`result ${i} has no slot`);
    return forward
      ? (inputs[forward.input]?.data ?? new Float64Array(0))
      : m.read({ slot: slot.id, base: 0, terms: [] }, slot.dtype, slot.elements);
  });
}

class Machine {
  private readonly memory: readonly {
    readonly buffer: ArrayBuffer;
    readonly at: number;
    readonly dtype: DType;
    readonly elements: number;
  }[];
  private readonly counters = new Map<number, number>();
  constructor(p: Schedule<AnyKernel>, inputs: readonly HostTensor[]) {
    const arena = new ArrayBuffer(p.arenaBytes);
    new Uint8Array(arena).fill(0xff); // NaN where nothing was written
    const given = inputs.map(x => {
      const a = hostArray(x.dtype, x.data.length);
      encode(x.dtype, x.data, a);
      return a.buffer as ArrayBuffer;
    }); // hostArray allocates plain ArrayBuffers
    this.memory = p.slots.map(({ dtype, elements, home }) => {
      if (home.kind === "arena") return { buffer: arena, at: home.offset, dtype, elements };
      const donor = home.kind === "output" ? p.donated.find(d => d.output === home.index)?.input : home.index;
      return {
        buffer: (donor === undefined ? undefined : given[donor]) ?? new ArrayBuffer(elements * byteSize(dtype)),
        at: 0,
        dtype,
        elements,
      };
    });
  }
  steps(list: readonly Step<AnyKernel>[]): void {
    for (const s of list) {
      switch (s.kind) {
        case "launch":
          this.launch(s.kernel, s.args);
          break;
        case "copy": {
          const dtype = this.slot(s.from).dtype,
            n = s.bytes / byteSize(dtype);
          this.view(s.to, dtype, n).set(this.view(s.from, dtype, n));
          break;
        }
        case "loop":
          for (let t = 0; t < s.count; t++) {
            this.counters.set(s.counter, s.reverse ? s.count - 1 - t : t);
            this.steps(s.body);
          }
          break;
        case "while":
          for (;;) {
            this.steps(s.test);
            if (this.read(s.pred, "bool", 1)[0] === 0) break;
            this.steps(s.body);
          }
          break;
        case "branch":
          this.steps(s.cases[Math.min(s.cases.length - 1, Math.max(0, this.read(s.index, "i32", 1)[0] ?? 0))] ?? []);
          break;
        default:
          unreachable(s);
      }
    }
  }
  /** `n` numbers from a slot. */
  read(r: SlotRef, dtype: DType, n: number): Float64Array {
    return decode(dtype, this.view(r, dtype, n));
  }

  private launch(k: AnyKernel, args: readonly SlotRef[]): void {
    const params = k.params.map((p, i) => this.read(args[i] as SlotRef, p.dtype, p.elements)); // one argument a parameter
    switch (k.kind) {
      case "gemm":
        runGemm(k, params);
        break;
      case "loop":
        runKernel(k, params);
        break;
      case "attention":
        runHeads(k, params);
        break;
      case "form":
        for (const loops of k.loops) runKernel(loops, params);
        break;
      case "tiled":
        runTiled(k, params);
        break;
      default:
        unreachable(k);
    }
    k.params.forEach((p, i) => {
      if (p.access !== "read") encode(p.dtype, params[i] as Float64Array, this.view(args[i] as SlotRef, p.dtype, p.elements)); // likewise
    });
  }
  private slot(r: SlotRef): Machine["memory"][number] {
    const s = this.memory[r.slot];
    if (!s) throw new InternalError(`slot ${r.slot} does not exist`);
    return s;
  }
  private view(r: SlotRef, dtype: DType, n: number): HostArray {
    const s = this.slot(r),
      first = r.terms.reduce((at, t) => at + t.stride * (this.counters.get(t.counter) ?? NaN), r.base);
    if (dtype !== s.dtype || !(first >= 0 && first + n <= s.elements))
      throw new InternalError(`${dtype}[${first}..${first + n}] is outside of slot ${r.slot}, ${s.dtype}[${s.elements}]`);
    return hostView(dtype, s.buffer, s.at + first * byteSize(dtype), n);
  }
}

function decode(d: DType, from: HostArray): Float64Array {
  return Float64Array.from(from, isNarrowFloat(d) ? bits => fromPattern(d, bits) : x => x);
}
function encode(d: DType, from: Float64Array, to: HostArray): void {
  const f = isNarrowFloat(d) ? (x: number) => toPattern(d, x) : (x: number) => x;
  for (let i = 0; i < to.length; i++) to[i] = f(from[i] ?? 0);
}
