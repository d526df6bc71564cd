// E0902: a file holds a dtype that pullback lacks.
import { test } from "uvu";
import { loadSafetensors } from "../../stdlib/io/index.ts";
import { teaches } from "./teaches.ts";

const header = new TextEncoder().encode('{"w":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}');
const file = Uint8Array.of(header.length, 0, 0, 0, 0, 0, 0, 0, ...header, ...new Uint8Array(8));

teaches("E0902", "a dtype of other programs is named with those that there are", import.meta.url, () => loadSafetensors(file), {
  fact: 'safetensors: tensor "w" has the dtype I64; pullback has F32, F64, F16, BF16, F8_E4M3, F8_E5M2, I32, U32, I8, U8, BOOL',
  at: "loadSafetensors(",
  help: "convert the tensor with the program that wrote the file",
});
test.run();
