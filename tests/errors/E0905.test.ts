// E0905: a file cannot be read or written.
import { test } from "uvu";
import { readFile } from "../../stdlib/io/index.ts";
import { teaches } from "./teaches.ts";

teaches(
  "E0905",
  "a file that is not there is refused with the system's reason",
  import.meta.url,
  () => readFile("no-such-folder/weights.safetensors"),
  {
    fact: "cannot read no-such-folder/weights.safetensors: ENOENT: no such file or directory, open 'no-such-folder/weights.safetensors'",
    at: "readFile(",
    help: "check the path and its permissions",
  },
);
test.run();
