// E0705: a dtype that the device cannot compute with.
import { test } from "uvu";
import { add, array, astype, jit, type Tensor } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

const help = 'convert to f32 first, or run on "wasm" or "cuda"';
teaches(
  "E0705",
  "f64 on WebGPU is refused before anything is compiled, at the operation's line",
  import.meta.url,
  () =>
    jit((x: Tensor) => add(astype(x, "f64"), 1))
      .lower(array([1, 2]))
      .text("wgsl"),
  { fact: "convert computes with f64[2], and a webgpu device has no f64", at: "astype(", help },
);
teaches(
  "E0705",
  "an input of f64 that no operation touches is refused too",
  import.meta.url,
  () =>
    jit((x: Tensor) => x)
      .lower(array([1], { dtype: "f64" }))
      .text("wgsl"),
  { fact: "input 0 is f64[1], and a webgpu device has no f64", help },
);
test.run();
