// The part of TensorFlow.js that the bench calls, written from its documentation: the packages are installed when the bench runs.

/** A tensor; freed by `dispose` or by the `tidy` around its creation. */
export interface Ten {
  readonly shape: number[];
  dataSync(): Float32Array;
  dispose(): void;
}

/** The functions of @tensorflow/tfjs in use. */
export interface Tf {
  setBackend(name: "wasm"): Promise<boolean>;
  ready(): Promise<void>;
  tensor(data: Float32Array | Int32Array, shape: number[], dtype: "float32" | "int32"): Ten;
  tidy<T>(f: () => T): T;
  keep(x: Ten): Ten;
  dispose(x: Ten[]): void;
  /** Gradients of a scalar f in each of the arguments; or of any f, given the cotangent. */
  grads(f: (...args: Ten[]) => Ten): (args: Ten[], cotangent?: Ten) => Ten[];
  valueAndGrads(f: (...args: Ten[]) => Ten): (args: Ten[]) => { value: Ten; grads: Ten[] };
  add(a: Ten, b: Ten | number): Ten;
  sub(a: Ten, b: Ten | number): Ten;
  mul(a: Ten, b: Ten | number): Ten;
  div(a: Ten, b: Ten | number): Ten;
  neg(x: Ten): Ten;
  sqrt(x: Ten): Ten;
  square(x: Ten): Ten;
  rsqrt(x: Ten): Ten;
  tanh(x: Ten): Ten;
  sigmoid(x: Ten): Ten;
  relu(x: Ten): Ten;
  softmax(x: Ten): Ten;
  logSoftmax(x: Ten): Ten;
  sum(x: Ten, axis?: number, keepDims?: boolean): Ten;
  mean(x: Ten, axis?: number, keepDims?: boolean): Ten;
  matMul(a: Ten, b: Ten, transposeA?: boolean, transposeB?: boolean): Ten;
  reshape(x: Ten, shape: number[]): Ten;
  transpose(x: Ten, axes: number[]): Ten;
  oneHot(x: Ten, depth: number): Ten;
  cast(x: Ten, dtype: "float32"): Ten;
  conv2d(x: Ten, w: Ten, strides: number, pad: "same", format: "NHWC"): Ten;
}
