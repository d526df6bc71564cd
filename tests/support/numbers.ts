// Trees of tensors as plain numbers, and arrays of golden files as tensors on the default device.
import { fromHost, fromStorage, readSync, type DType, type HostArray, type Tensor } from "../../stdlib/index.ts";
import * as tree from "../../stdlib/tree.ts";
import { isGoldenArray, type Golden } from "../goldens/load.ts";

/** All numbers of a tensor or a tree of tensors, leaf after leaf. */
export const numbers = (t: unknown): number[] =>
  tree.leaves(t).flatMap(x => Array.from(fromStorage((x as Tensor).dtype, readSync(x as Tensor)))); // a tree of tensors
/** A golden array as a tensor, an object of them as a tree. */
export const tensors = (g: Golden): unknown =>
  isGoldenArray(g)
    ? fromHost(g.dtype as DType, [...g.shape], g.data as HostArray)
    : Object.fromEntries(Object.entries(g as Record<string, Golden>).map(([k, v]) => [k, tensors(v)])); // the files' layout
