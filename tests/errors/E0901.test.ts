// E0901: a safetensors file is malformed.
import { test } from "uvu";
import { loadSafetensors } from "../../stdlib/io/index.ts";
import { teaches } from "./teaches.ts";

teaches("E0901", "a file shorter than its own length field is refused", import.meta.url, () => loadSafetensors(Uint8Array.of(1, 2, 3)), {
  fact: "safetensors: 3 bytes, a file has at least 8",
  at: "loadSafetensors(",
  help: "the file is torn or was not written by a safetensors writer: fetch or write it again",
});
teaches(
  "E0901",
  "a header that is longer than the file is refused",
  import.meta.url,
  () => loadSafetensors(Uint8Array.of(200, 0, 0, 0, 0, 0, 0, 0, 123)),
  {
    fact: "safetensors: the header claims 200 bytes, the file has 1 after its length field",
    at: "loadSafetensors(",
    help: "the file is torn or was not written by a safetensors writer: fetch or write it again",
  },
);
test.run();
