// Byte-addressed memory seen as elements of every width, and the map of addresses: where global memory starts, and the windows of generic addresses.

/** One memory. Its length is a multiple of 8. */
export class Memory {
  readonly u8: Uint8Array;
  readonly i8: Int8Array;
  readonly u16: Uint16Array;
  readonly i16: Int16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;
  readonly u64: BigUint64Array;
  readonly view: DataView;
  /** Accesses must end at or before this byte. */
  bytes: number;
  constructor(bytes: number) {
    const buffer = new ArrayBuffer(Math.ceil(bytes / 16) * 16);
    this.u8 = new Uint8Array(buffer);
    this.i8 = new Int8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.i16 = new Int16Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.u64 = new BigUint64Array(buffer);
    this.view = new DataView(buffer);
    this.bytes = bytes;
  }
}

/** High word of every address of global memory: far from zero, so that an address cut to 32 bits is caught. */
export const GLOBAL_HIGH = 0x7f20;
/** The address of the first byte of global memory. */
export const GLOBAL_BASE: bigint = BigInt(GLOBAL_HIGH) << 32n;
/** High word of generic addresses of shared memory; the low word is the address in the window of the cluster. */
export const SHARED_HIGH = 0x7e00;
/** High word of generic addresses of local memory. */
export const LOCAL_HIGH = 0x7d00;
/** High word of generic addresses of parameters. */
export const PARAM_HIGH = 0x7c00;
/** Shared addresses of block r of the cluster are (r + 1) << 24 | offset; the block's own are also just the offset. */
export const CLUSTER_SHIFT = 24;
