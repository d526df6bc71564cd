// Where the time goes, kernel by kernel, by the card's own clock: an event before and one behind every launch. While a profile is taken programs are launched kernel by
// kernel, not replayed as graphs, so the sum is longer than what a call takes.
import type { ProfileRow, Residency } from "../profile.ts";
import type { Calls } from "./calls.ts";
import { functionAttribute } from "./driver.ts";
import type { LoadedKernel } from "./modules.ts";

const MOST_OPEN = 1024; // launches whose times are not read yet; then they are waited for

interface Row {
  readonly residency: Residency;
  launches: number;
  milliseconds: number;
}
interface Timed {
  readonly row: Row;
  readonly begin: bigint;
  readonly end: bigint;
}

/** Times launches on one stream. */
export class Profile {
  private readonly calls: Calls;
  private readonly stream: bigint;
  private readonly rows = new Map<LoadedKernel, Row>(); // kernels of two programs may have one name
  private readonly open: Timed[] = [];
  private readonly spare: bigint[] = [];

  constructor(calls: Calls, stream: bigint) {
    this.calls = calls;
    this.stream = stream;
  }
  /** `launch` puts `kernel` into the stream. @throws what it throws; CudaError, DeviceLostError */
  time(kernel: LoadedKernel, launch: () => void): void {
    if (this.open.length >= MOST_OPEN) this.read();
    const row = this.row(kernel),
      begin = this.mark();
    try {
      launch();
      this.open.push({ row, begin, end: this.mark() });
      row.launches++;
    } catch (e) {
      this.spare.push(begin);
      throw e;
    }
  }
  /** What was found. Waits for the launches. @throws CudaError, DeviceLostError */
  finish(): readonly ProfileRow[] {
    try {
      this.read();
    } finally {
      this.dispose();
    }
    return [...this.rows]
      .map(([{ name }, { launches, milliseconds, residency }]) => ({ kernel: name, launches, timed: launches, milliseconds, residency }))
      .toSorted((a, b) => b.milliseconds - a.milliseconds);
  }
  /** Gives the events back. */
  dispose(): void {
    for (const event of [...this.spare.splice(0), ...this.open.splice(0).flatMap(t => [t.begin, t.end])])
      this.calls.free("cuEventDestroy", "giving a clock back", event);
  }

  private mark(): bigint {
    const { calls } = this,
      out = new BigUint64Array(1),
      event = this.spare.pop() ?? (calls.do("cuEventCreate", "making a clock", out, 0), out[0] ?? 0n);
    try {
      calls.do("cuEventRecord", "reading the time", event, this.stream);
    } catch (e) {
      this.spare.push(event);
      throw e;
    }
    return event;
  }
  private read(): void {
    const last = this.open.at(-1),
      out = new Float32Array(1);
    if (last) this.calls.do("cuEventSynchronize", "waiting for the device", last.end);
    for (const { row, begin, end } of this.open.splice(0)) {
      this.spare.push(begin, end);
      this.calls.do("cuEventElapsedTime", "reading a clock", out, begin, end);
      row.milliseconds += out[0] ?? 0;
    }
  }
  private row(kernel: LoadedKernel): Row {
    let row = this.rows.get(kernel);
    if (!row) this.rows.set(kernel, (row = { residency: this.residency(kernel), launches: 0, milliseconds: 0 }));
    return row;
  }
  private residency({ name, fn, shape: { block, dynamicSharedBytes } }: LoadedKernel): Residency {
    const out = new Int32Array(1),
      doing = `asking about ${name}`,
      tell = (attribute: number): number => {
        this.calls.do("cuFuncGetAttribute", doing, out, attribute, fn);
        return out[0] ?? 0;
      };
    const registers = tell(functionAttribute.registers),
      sharedBytes = tell(functionAttribute.sharedBytes) + dynamicSharedBytes;
    this.calls.do("cuOccupancyMaxActiveBlocksPerMultiprocessor", doing, out, fn, block, dynamicSharedBytes);
    return { threads: block, registers, sharedBytes, groupsPerProcessor: out[0] ?? 0 };
  }
}
