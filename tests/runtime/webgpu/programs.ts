// Small programs written by hand in WGSL, in the form the compiler's emitter gives: what the runtime is tested with, whatever the compiler does.
import type { WgslArtifact, WgslKernel } from "../../../runtime/artifact.ts";
import { byteSize, type DType } from "../../../runtime/dtype.ts";
import type { ProgramStep, Slot, SlotRef } from "../../../runtime/program.ts";

/** A kernel whose body says what happens for item `i`; `at(p)` in it is the first element of parameter p. The heap is seen as f32, or as words where no parameter is. */
export function kernel(name: string, groups: number, params: readonly DType[], body: string, threads = 64): WgslKernel {
  const at = (p: number): string => `p[${p >> 2}].${"xyzw"[p & 3]}`;
  return {
    name,
    groups,
    params: params.map(dtype => ({ dtype })),
    code: `@group(0) @binding(0) var<storage, read_write> heap: array<${params.includes("f32") ? "f32" : "u32"}>;
@group(0) @binding(1) var<uniform> p: array<vec4<u32>, ${Math.ceil(params.length / 4)}>;
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) g: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let group = g.x + g.y * 65535u;
  if (group >= ${groups}u) { return; }
  let i = group * ${threads}u + local;
  ${body.replace(/at\((\d+)\)/g, (_, n: string) => at(Number(n)))}
}`,
  };
}
/** A place of a slot. */
export const ref = (slot: number, base = 0, ...terms: readonly { readonly counter: number; readonly stride: number }[]): SlotRef => ({
  slot,
  base,
  terms,
});
/** What slots a program has. */
export interface Shape {
  readonly inputs: readonly (readonly [DType, number])[];
  readonly outputs: readonly (readonly [DType, number, donor?: number])[];
  readonly arena?: readonly (readonly [DType, number])[];
}
/** A program. Slots are numbered: inputs, outputs, arena. */
export function program(shape: Shape, kernels: readonly WgslKernel[], steps: readonly ProgramStep<number>[]): WgslArtifact {
  const slots: Slot[] = [];
  const add = ([dtype, elements]: readonly [DType, number, number?], home: Slot["home"]): void => {
    slots.push({ id: slots.length, dtype, elements, home });
  };
  let arenaBytes = 0;
  shape.inputs.forEach((s, index) => add(s, { kind: "input", index }));
  shape.outputs.forEach((s, index) => add(s, { kind: "output", index }));
  for (const s of shape.arena ?? []) {
    add(s, { kind: "arena", offset: arenaBytes });
    arenaBytes += Math.ceil((s[1] * byteSize(s[0])) / 64) * 64;
  }
  return {
    kind: "wgsl",
    inputs: shape.inputs.map(([dtype, elements]) => ({ dtype, elements })),
    outputs: shape.outputs.map(([dtype, elements, donor]) => ({ dtype, elements, ...(donor === undefined ? {} : { donor }) })),
    arenaBytes,
    slots,
    kernels,
    steps,
  };
}
/** y = x + c, n elements of f32. */
export const addConstant = (n: number, c: number, donor?: number): WgslArtifact =>
  program(
    { inputs: [["f32", n]], outputs: [donor === undefined ? ["f32", n] : ["f32", n, donor]] },
    [kernel("add", Math.ceil(n / 64), ["f32", "f32"], `if (i < ${n}u) { heap[at(1) + i] = heap[at(0) + i] + f32(${c}); }`)],
    [{ kind: "launch", kernel: 0, args: [ref(0), ref(1)] }],
  );
