// THE RULE: is a value that several equations read computed again wherever it is read, or stored once? One place decides, from what each way costs.
//
//   stored: what it is computed from is read once, itself is written once and read by each reader;
//   again:  each reader reads what it is computed from, and computes it.
//
// Readers that end up in one kernel share both, which is not known yet; it makes either way cheaper alike. A value whose reader repeats its elements is stored where it costs anything.

/** A value that may get memory. `operations`: what an element costs, all that has no memory included. `bytes`: of an element; `sources`: of what an element is computed from. */
export interface Candidate {
  readonly operations: number;
  readonly readers: number;
  readonly stretched: boolean;
  readonly bytes: number;
  readonly sources: number;
}
/** On a CPU, whose caches hold most of what a kernel leaves for the next: evaluating this much twice is dearer than a round trip through memory. */
const HEAVY = 8;

/** Is it to be stored? `perByte`: how many operations a machine does in the time in which a byte comes from memory; undefined for a CPU. */
export function isDear({ operations, readers, stretched, bytes, sources }: Candidate, perByte: number | undefined): boolean {
  if (operations <= HEAVY || (readers < 2 && !stretched)) return false;
  if (perByte === undefined || stretched) return true;
  const again = readers - 1;
  return again * operations > perByte * ((1 + readers) * bytes - again * sources);
}
