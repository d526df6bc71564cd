// One warning, not one a device: a page that cannot share memory between threads computes on one, with the same results.

let warned = false; // once a page
/** Say that `wanted` threads cannot be had. `shared`: there is shared memory, but the main thread was told to run programs itself. */
export function warnOfOneThread(wanted: number, shared: boolean): void {
  if (warned) return;
  warned = true;
  const remedy = shared
    ? `a page's main thread may not wait for helpers; leave out dispatch: "sync"`
    : "the page is not cross-origin isolated; serve it with Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp";
  console.warn(
    `pullback: WebAssembly runs on 1 thread instead of ${wanted}, with the same results: ${remedy}, or ask for wasm({ threads: 1 })`,
  );
}
