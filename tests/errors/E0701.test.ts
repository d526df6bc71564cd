// E0701: a tensor was used after it was disposed.
import { test } from "uvu";
import { type Tensor, array, jit } from "../../stdlib/index.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0701",
  "reading a disposed tensor is refused",
  import.meta.url,
  () => {
    const x = array([1, 2]);
    x.dispose();
    return x.dataSync();
  },
  {
    fact: "a tensor of 2 f32 (8 bytes) is read after it was disposed or donated",
    at: "dataSync(",
    help: "keep it alive longer, or do not donate it",
  },
);
teaches(
  "E0701",
  "using a donated tensor is refused",
  import.meta.url,
  () => {
    const x = array([1, 2]);
    jit((y: Tensor) => y.add(1), { donate: [0] })(x);
    return x.add(1);
  },
  {
    fact: "a tensor of 2 f32 (8 bytes) is used after it was disposed or donated",
    at: "add(",
    help: "keep it alive longer, or do not donate it",
  },
);
test.run();
