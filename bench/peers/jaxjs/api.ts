// The part of @jax-js/jax that the bench calls, written from its documentation: the package is installed when the bench runs, so no types of it are at hand.

/** jax-js's array. Every call takes ownership of its arguments; `ref` keeps one alive for another use. */
export interface Arr {
  readonly ref: Arr;
  readonly shape: number[];
  add(other: Arr | number): Arr;
  sub(other: Arr | number): Arr;
  mul(other: Arr | number): Arr;
  div(other: Arr | number): Arr;
  neg(): Arr;
  sum(axis?: number, options?: { keepdims: boolean }): Arr;
  mean(axis?: number, options?: { keepdims: boolean }): Arr;
  reshape(shape: number[]): Arr;
  transpose(axes?: number[]): Arr;
  slice(...index: (Arr | number | [] | [number] | [number, number])[]): Arr;
  dispose(): void;
  dataSync(): Float32Array;
  data(): Promise<Float32Array>;
}

/** A tree with named leaves. */
export type Tree = { [name: string]: Arr };

/** The module. */
export interface JaxJs {
  init(device: "wasm" | "webgpu"): Promise<string[]>;
  defaultDevice(device: "wasm" | "webgpu"): void;
  jit<A extends readonly unknown[], R>(f: (...args: A) => R): (...args: A) => R;
  grad<A extends readonly unknown[]>(f: (...args: A) => Arr): (...args: A) => A[0];
  valueAndGrad<A extends readonly unknown[]>(f: (...args: A) => Arr): (...args: A) => [Arr, A[0]];
  jvp<P extends readonly unknown[], R>(f: (...args: P) => R, primals: P, tangents: P): [R, R];
  vjp<P extends readonly unknown[], R>(f: (...args: P) => R, primals: P): [R, ((cotangent: R) => P) & { dispose(): void }];
  blockUntilReady<T>(x: T): Promise<T>;
  readonly lax: { conv(x: Arr, w: Arr, strides: number[], padding: "SAME" | "VALID"): Arr; stopGradient(x: Arr): Arr };
  readonly nn: {
    sigmoid(x: Arr): Arr;
    relu(x: Arr): Arr;
    gelu(x: Arr, options: { approximate: boolean }): Arr;
    softmax(x: Arr, axis: number): Arr;
    logSoftmax(x: Arr, axis: number): Arr;
    oneHot(x: Arr, classes: number): Arr;
    standardize(x: Arr, axis: number, options: { epsilon: number }): Arr;
    dotProductAttention(q: Arr, k: Arr, v: Arr, options: { isCausal: boolean }): Arr;
  };
  readonly numpy: {
    array(data: Float32Array | Int32Array, options: { shape: number[]; dtype: "float32" | "int32" }): Arr;
    matmul(a: Arr, b: Arr): Arr;
    tanh(x: Arr): Arr;
    sqrt(x: Arr): Arr;
    square(x: Arr): Arr;
  };
  readonly tree: { dispose(tree: unknown): void; ref<T>(tree: T): T };
}
