// THE RULE: is a value that several equations read computed again wherever it is read, or stored once? One place decides, from what each way costs.
//
//   stored: itself is written once and read by each reader;
//   again:  each reader computes it. What it is computed from is mostly read there anyway.
//
// Readers that end up in one kernel share both, which is not known yet; it makes either way cheaper alike. A value whose reader repeats its elements is stored where it costs anything.

import { byteSize } from "../../runtime/dtype.ts";
import { bytesOf, type Aval } from "../ir/aval.ts";

/** A value that may get memory. `operations`: what an element costs, all that has no memory included; `bytes`: of an element. */
export interface Candidate {
  readonly operations: number;
  readonly readers: number;
  readonly stretched: boolean;
  readonly bytes: number;
}
/** On a CPU, whose caches hold most of what a kernel leaves for the next: evaluating this much twice is dearer than a round trip through memory. */
const HEAVY = 8;

/** Is it to be stored? `perByte`: how many operations a machine does in the time in which a byte comes from memory; undefined for a CPU. */
export function isDear({ operations, readers, stretched, bytes }: Candidate, perByte: number | undefined): boolean {
  if (operations <= HEAVY || (readers < 2 && !stretched)) return false;
  return perByte === undefined || stretched || (readers - 1) * operations > perByte * (1 + readers) * bytes;
}

/** A CPU repeats arithmetic, divisions and roots, nothing that costs so much. So does a card with what is small: not to store it may take a launch, in which so many bytes are moved. */
const ELEMENTARY = 8,
  LAUNCH = 2 ** 20;
/** How much work takes the place of storing and reading a value: operations an element, of one equation and of all. */
export function insteadOf(a: Aval, perByte: number | undefined): { readonly each: number; readonly all: number } {
  if (perByte === undefined || bytesOf(a) < LAUNCH) return { each: ELEMENTARY - 1, all: Infinity };
  const work = 2 * byteSize(a.dtype) * perByte;
  return { each: work, all: work };
}
