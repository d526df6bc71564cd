// Programs that go wrong, for tests of what the user is told: they obey the artifact contract up to the point where they fail.
import wabt from "wabt";
import type { WasmArtifact } from "../../../runtime/artifact.ts";

const { parseWat } = await wabt();

/** A program of one f32[1] in and out whose `run` is `body` in the text format, over $table. */
export function programOf(body: string): WasmArtifact {
  const text = `(module
    (import "env" "memory" (memory 1 65536 shared)) (import "env" "parallel" (func $parallel (param i32 i32 i32))) (import "env" "scratch" (global i32))
    (func (export "run") (param $table i32) ${body})
    (func (export "work") (param i32 i32 i32 i32)))`;
  const { buffer } = parseWat("program.wat", text, { threads: true }).toBinary({});
  return artifactOf(buffer);
}
/** The same with any bytes at all. */
export const artifactOf = (bytes: Uint8Array): WasmArtifact => ({
  kind: "wasm",
  bytes,
  threads: true,
  scratchBytes: 0,
  arenaBytes: 64,
  inputs: [{ dtype: "f32", elements: 1 }],
  outputs: [{ dtype: "f32", elements: 1 }],
});
/** Copies its input to its output after counting to `turns`: a program that takes its time. */
export const slow = (turns: number): WasmArtifact =>
  programOf(`(local $i i32) (loop $l (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $l (i32.lt_u (local.get $i) (i32.const ${turns}))))
    (f32.store (i32.load offset=8 (local.get $table)) (f32.load (i32.load offset=4 (local.get $table))))`);
/** Traps. */
export const trapping = (): WasmArtifact => programOf("unreachable");
