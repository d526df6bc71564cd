// What cutting work into groups needs to know of a GPU. Numbers only: no driver, no language.

/** `threads`: the most threads of a group. `group`: a good number of threads for independent items. `subgroup`: threads that can shuffle (1: none). `sharedBytes`: a group's shared memory. `double`: is there f64? */
export interface TileTarget {
  readonly threads: number;
  readonly group: number;
  readonly subgroup: number;
  readonly sharedBytes: number;
  readonly double: boolean;
}

/** A power of two that is at least `n`. */
export function powerOfTwo(n: number): number {
  let p = 1;
  while (p < n) p *= 2;
  return p;
}
