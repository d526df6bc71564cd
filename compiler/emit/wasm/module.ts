// Schedule -> one WebAssembly module with the whole program: a function a kernel, and `run`, which calls them in order. A call of a compiled function is
// one call from JavaScript.
import { InternalError, unreachable } from "../../../runtime/errors/error.ts";
import type { WasmArtifact, WasmFeatures } from "../../../runtime/artifact.ts";
import { byteSize } from "../../../runtime/dtype.ts";
import type { Kernel } from "../../ir/kernel.ts";
import type { Schedule, SlotRef, Step } from "../../ir/schedule.ts";
import { forEachStep } from "../../ir/walk.ts";
import type { FuncBuilder, FuncRef, Local } from "./encoder/function.ts";
import { ModuleBuilder } from "./encoder/module.ts";
import { programShape } from "../shape.ts";
import { emitAttention } from "./attention/emit.ts";
import { emitProduct } from "./gemm.ts";
import { emitLoops, scratchBytes, type KernelContext } from "./loops.ts";
import { Routines } from "./types.ts";

/** Below this much work (scalar operations, about) waking helpers costs more than it gains. */
const WORTH_THREADS = 100_000;

interface Launch {
  readonly func: FuncRef;
  readonly element: number;
  readonly extent: number;
  readonly parallel: boolean;
}
interface Compiled {
  readonly launches: readonly Launch[];
  readonly shared: boolean;
}

/** Bytes and memory needs of a whole program. */
export function emitModule(schedule: Schedule, features: WasmFeatures): WasmArtifact {
  const module = new ModuleBuilder();
  module.importMemory("env", "memory", features.threads ? { initial: 1, maximum: 65536, shared: true } : { initial: 1 });
  const parallel = features.threads ? module.importFunc("env", "parallel", { params: ["i32", "i32", "i32"], results: [] }) : undefined;
  const scratch = module.importGlobal("env", "scratch", "i32");
  const args = module.global({ type: "i32", value: 0, mutable: true });
  const c: KernelContext = { module, routines: new Routines(module), fma: features.fma, scratch };
  const compiled = new Map<Kernel, Compiled>();
  let shared = 0,
    perThread = 64,
    mostArgs = 1;
  forEachStep(schedule.steps, s => {
    if (s.kind !== "launch" || compiled.has(s.kernel)) return;
    const { kernel } = s;
    mostArgs = Math.max(mostArgs, kernel.params.length + 1);
    if (kernel.kind === "loop") {
      const func = emitLoops(c, kernel),
        { extent, cost } = kernel.grid;
      perThread = Math.max(perThread, scratchBytes(kernel));
      compiled.set(kernel, {
        shared: false,
        launches: [{ func, element: module.element(func), extent, parallel: extent > 1 && extent * cost > WORTH_THREADS }],
      });
      return;
    }
    if (kernel.kind === "form") throw new InternalError(`${kernel.name}: forms are for GPUs`);
    const [p, work] =
      kernel.kind === "attention"
        ? ([emitAttention(c, kernel, features, args), 4 * kernel.n * kernel.t * kernel.s * kernel.d] as const)
        : ([emitProduct(c, kernel, features, args), 2 * kernel.batch * kernel.m * kernel.n * kernel.k] as const);
    shared = Math.max(shared, p.shared);
    perThread = Math.max(perThread, p.perThread);
    compiled.set(kernel, {
      shared: true,
      launches: p.launches.map(({ func, extent }) => ({
        func,
        element: module.element(func),
        extent,
        parallel: extent > 1 && work > WORTH_THREADS,
      })),
    });
  });
  const align = (n: number): number => Math.ceil(n / 64) * 64;
  const argsAt = align(schedule.arenaBytes),
    sharedAt = argsAt + align(4 * mostArgs);
  const run = module.func("run", ["i32"]);
  new Driver(run, schedule, compiled, { argsAt, sharedAt, parallel }).run();
  module.exportFunc("run", run);
  const work = module.func("work", ["i32", "i32", "i32", "i32"]);
  work
    .get(work.param(1))
    .get(work.param(2))
    .get(work.param(3))
    .get(work.param(0))
    .callIndirect({ params: ["i32", "i32", "i32"], results: [] });
  if (compiled.size === 0) module.element(run); // the table must exist for call_indirect
  module.exportFunc("work", work);
  return {
    kind: "wasm",
    bytes: module.finish({ names: true }),
    threads: features.threads,
    scratchBytes: perThread,
    ...programShape(schedule),
    arenaBytes: sharedAt + align(shared),
  };
}

/** Where the driver finds what is not a slot: byte offsets in the arena, and the import that splits launches over threads. */
interface DriverPlaces {
  readonly argsAt: number;
  readonly sharedAt: number;
  readonly parallel: FuncRef | undefined;
}

/** Writes `run(table)`. */
class Driver {
  private readonly f: FuncBuilder;
  private readonly schedule: Schedule;
  private readonly compiled: ReadonlyMap<Kernel, Compiled>;
  private readonly places: DriverPlaces;
  private readonly arena: Local;
  private readonly counters = new Map<number, Local>();
  constructor(f: FuncBuilder, schedule: Schedule, compiled: ReadonlyMap<Kernel, Compiled>, places: DriverPlaces) {
    this.f = f;
    this.schedule = schedule;
    this.compiled = compiled;
    this.places = places;
    this.arena = f.local("i32");
  }
  run(): void {
    this.f.get(this.f.param(0)).mem("i32.load").set(this.arena);
    this.steps(this.schedule.steps);
  }
  private steps(steps: readonly Step[]): void {
    for (const s of steps) this.step(s);
  }
  private step(s: Step): void {
    const { f } = this;
    switch (s.kind) {
      case "launch":
        this.launch(s);
        break;
      case "copy":
        if (s.bytes > 0) {
          this.address(s.to);
          this.address(s.from);
          f.i32(s.bytes).memoryCopy();
        }
        break;
      case "loop": {
        const counter = f.local("i32"),
          turn = f.local("i32");
        this.counters.set(s.counter, counter);
        f.for_({ index: turn, from: 0, to: s.count }, () => {
          if (s.reverse)
            f.i32(s.count - 1)
              .get(turn)
              .op("i32.sub")
              .set(counter);
          else f.get(turn).set(counter);
          this.steps(s.body);
        });
        break;
      }
      case "while":
        f.block(done =>
          f.loop(top => {
            this.steps(s.test);
            this.address(s.pred);
            f.mem("i32.load8_u").op("i32.eqz").brIf(done);
            this.steps(s.body);
            f.br(top);
          }),
        );
        break;
      case "branch": {
        const index = f.local("i32");
        this.address(s.index);
        f.mem("i32.load").set(index);
        const choose = (i: number): void => {
          const body = s.cases[i] ?? [];
          if (i === s.cases.length - 1) {
            this.steps(body);
            return;
          }
          f.get(index)
            .i32(i)
            .op("i32.le_s")
            .if_(
              () => this.steps(body),
              () => choose(i + 1),
            );
        };
        choose(0);
        break;
      }
      default:
        unreachable(s);
    }
  }
  private launch({ kernel, args }: Extract<Step, { kind: "launch" }>): void {
    const { f, places } = this,
      c = this.compiled.get(kernel);
    if (!c || c.launches.every(l => l.extent === 0)) return;
    args.forEach((a, i) => {
      f.get(this.arena);
      this.address(a);
      f.mem("i32.store", places.argsAt + 4 * i);
    });
    if (c.shared)
      f.get(this.arena)
        .get(this.arena)
        .plus(places.sharedAt)
        .mem("i32.store", places.argsAt + 4 * args.length);
    for (const l of c.launches) {
      if (l.extent === 0) continue;
      if (l.parallel && places.parallel) f.i32(l.element).get(this.arena).plus(places.argsAt).i32(l.extent).call(places.parallel);
      else f.get(this.arena).plus(places.argsAt).i32(0).i32(l.extent).call(l.func);
    }
  }
  /** Push the byte address of a slot. */
  private address(r: SlotRef): void {
    const { f } = this,
      slot = this.schedule.slots[r.slot];
    if (!slot) return;
    const bytes = byteSize(slot.dtype),
      { home } = slot;
    if (home.kind === "arena") f.get(this.arena).plus(home.offset);
    else f.get(f.param(0)).mem("i32.load", 4 * (1 + home.index + (home.kind === "output" ? this.schedule.inputs : 0)));
    f.plus(r.base * bytes);
    for (const t of r.terms) {
      const counter = this.counters.get(t.counter);
      if (counter)
        f.get(counter)
          .i32(t.stride * bytes)
          .op("i32.mul")
          .op("i32.add");
    }
  }
}
