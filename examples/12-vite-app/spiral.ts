// Two arms of a spiral, as points and labels.

/** `size` points (x, y in -1..1), one after the other, and their labels, 1 or -1. The same for the same `seed`. */
export function spiral(size: number, seed: number): { readonly x: Float32Array<ArrayBuffer>; readonly labels: Float32Array<ArrayBuffer> } {
  const x = new Float32Array(2 * size),
    labels = new Float32Array(size);
  let state = seed;
  const uniform = (): number => (state = (state * 16807) % 2147483647) / 2147483647; // Park and Miller
  for (let i = 0; i < size; i++) {
    const label = i % 2 === 0 ? 1 : -1,
      t = Math.sqrt(uniform()),
      angle = 7 * t + (label > 0 ? 0 : Math.PI);
    x[2 * i] = t * Math.cos(angle) + 0.04 * (uniform() - 0.5);
    x[2 * i + 1] = t * Math.sin(angle) + 0.04 * (uniform() - 0.5);
    labels[i] = label;
  }
  return { x, labels };
}
/** The points of a picture of `side` by `side`, row by row from the top. */
export function grid(side: number): Float32Array<ArrayBuffer> {
  const at = (i: number): number => (2 * i + 1) / side - 1;
  return Float32Array.from({ length: 2 * side * side }, (_, i) => {
    const point = i >> 1;
    return i % 2 === 0 ? at(point % side) : -at(Math.floor(point / side));
  });
}
