// pullback/io: weights in and out. Safetensors as bytes everywhere; files where there is a file system.
export {
  saveSafetensors,
  saveSafetensorsSync,
  loadSafetensors,
  type Loaded,
  type LoadOptions,
  type LoadPlace,
  type SaveOptions,
} from "./tree.ts";
export { encode as encodeSafetensors, decode as decodeSafetensors, checksumKey, type Contents, type NamedArray } from "./format.ts";
export { writeFileAtomic, readFile } from "./node.ts";
