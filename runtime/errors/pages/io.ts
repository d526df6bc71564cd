// Pages of the codes E09xx, files. Text only.

/** Pages of the codes E09xx, files. */
export const ioPages = {
  E0901: {
    title: "a safetensors file is malformed",
    body: `
The message says what is wrong and where. Nothing of the file was used. Checked are: the header's length, encoding and JSON (no repeated key), each
tensor's dtype, shape and byte range, that the ranges fill the data exactly, and the checksum where the file carries one.`,
  },
  E0902: {
    title: "a file holds a dtype that pullback lacks",
    body: `
The safetensors format has 16-bit and 64-bit integers, microscaling floats and more; pullback has f32, f64, f16, bf16, two 8-bit floats, i32, u32, i8, u8 and bool. Convert the
tensor where the file is made.`,
  },
  E0903: {
    title: "the names in a file do not form the tree that was asked for",
    body: `
Names are paths: layers.0.w is entry w of entry 0 of entry layers. Given a tree to fill, every leaf must be in the file with its dtype and shape, and the
file must hold nothing else (or pass { extra: "ignore" }). Without one, no name may be both a tensor and a folder of others.`,
  },
  E0904: {
    title: "a tree cannot be saved",
    body: `
Only trees of concrete tensors and numbers are saved, under names that differ. Call save outside jit, grad and vmap: a traced tensor has no values.`,
  },
  E0905: {
    title: "a file cannot be read or written",
    body: `
The message gives the operating system's reason. A file that could not be written is left as it was: writes go to a temporary file that replaces the old
one only when it is complete and flushed.`,
  },
} as const;
