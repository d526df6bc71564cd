// Compute pipelines by text: equal shaders are compiled once, asynchronously, and at the same time as others. A program waits on the timeline for its own.
import { InternalError, PullbackError } from "../errors/error.ts";
import { COMPUTE, type GpuHandle, type GpuLayoutEntry } from "./api.ts";
import type { Timeline } from "./timeline.ts";

const CAPACITY = 2048;

/** A pipeline on its way or there. */
export interface Pipeline {
  readonly name: string;
  readonly ready: Promise<void>;
  /** @throws InternalError before it is ready */
  handle(): GpuHandle;
  readonly settled: () => boolean;
}

/** What a shader sees. Kernels: the heap (0) and their parameters (1); gates: control memory (2) too. */
export type View = "kernel" | "gate";
/** Bytes that `count` parameters take: whole vectors of four words. */
export const parameterBytes = (count: number): number => Math.ceil(Math.max(1, count) / 4) * 16;

interface Layout {
  readonly group: GpuHandle;
  readonly pipeline: GpuHandle;
}
/** The cache, and the layouts: one for each view and number of parameters, for a layout says how many bytes there must be (some drivers check a shader against the sizes of
 *  the one before when they share a layout that does not). */
export class Pipelines {
  private readonly timeline: Timeline;
  private readonly layouts = new Map<string, Layout>();
  private readonly cache = new Map<string, Pipeline>();

  constructor(timeline: Timeline) {
    this.timeline = timeline;
  }
  /** The layout of shaders of that view and so many parameters. */
  layout(view: View, count: number): Layout {
    const { gpu } = this.timeline,
      bytes = parameterBytes(count),
      key = `${view} ${bytes}`;
    const known = this.layouts.get(key);
    if (known) return known;
    const storage = (binding: number): GpuLayoutEntry => ({ binding, visibility: COMPUTE, buffer: { type: "storage" } });
    const places: GpuLayoutEntry = {
      binding: 1,
      visibility: COMPUTE,
      buffer: { type: "uniform", hasDynamicOffset: true, minBindingSize: bytes },
    };
    const group = gpu.createBindGroupLayout({ entries: [storage(0), places, ...(view === "gate" ? [storage(2)] : [])] });
    const made = { group, pipeline: gpu.createPipelineLayout({ bindGroupLayouts: [group] }) };
    this.layouts.set(key, made);
    return made;
  }
  /** The pipeline of a shader of `count` parameters. Its `ready` rejects with E0707 and the compiler's words when the driver does not take it. */
  get(name: string, code: string, count: number, view: View = "kernel"): Pipeline {
    const known = this.cache.get(code);
    if (known) {
      this.cache.delete(code);
      this.cache.set(code, known);
      return known;
    }
    const made = this.compile(name, code, this.layout(view, count));
    this.cache.set(code, made);
    made.ready.catch(() => this.cache.delete(code)); // the next try compiles again
    if (this.cache.size > CAPACITY)
      for (const oldest of this.cache.keys()) {
        this.cache.delete(oldest);
        break;
      }
    return made;
  }

  private compile(name: string, code: string, { pipeline: layout }: Layout): Pipeline {
    const { gpu } = this.timeline;
    let handle: GpuHandle | undefined, making: Promise<GpuHandle> | undefined;
    const outcome = this.timeline.guard(() => {
      const module = gpu.createShaderModule({ code, label: name });
      making = gpu.createComputePipelineAsync({ label: name, layout, compute: { module, entryPoint: "main" } });
      making.catch(() => {}); // told below, in better words
    });
    const ready = (async (): Promise<void> => {
      const refusal = await outcome;
      if (refusal) throw notTaken(name, code, refusal.error);
      try {
        handle = await making;
      } catch (e) {
        throw notTaken(name, code, e);
      }
    })();
    ready.catch(() => {}); // whoever runs the program hears of it
    return {
      name,
      ready,
      settled: () => handle !== undefined,
      handle: () => {
        if (!handle) throw new InternalError(`the pipeline of ${name} is used before it is there`);
        return handle;
      },
    };
  }
}

function notTaken(name: string, code: string, cause: unknown): PullbackError {
  return new PullbackError(
    "E0707",
    `the driver does not take the shader ${name}: ${cause instanceof Error ? cause.message : String(cause)}`,
    { help: `this is a fault of pullback's or of the driver's, please report it with the shader:\n${code}`, cause },
  );
}
