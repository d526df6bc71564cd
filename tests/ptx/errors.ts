// What can be wrong with PTX: its text (the driver would refuse to load it) or its behaviour (the launch would fail, hang, or give anything).

/** The text cannot be loaded, as the log of the driver's assembler would say. */
export class PtxError extends Error {
  readonly line: number;
  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`);
    this.name = "PtxError";
    this.line = line;
  }
}

/** The kinds of misbehaviour. `unspecified`: the ISA does not say what happens. */
export type FaultKind =
  | "address"
  | "alignment"
  | "race"
  | "deadlock"
  | "divergence"
  | "uninitialized"
  | "barrier"
  | "launch"
  | "limit"
  | "unspecified";

/** Where a launch was when it failed. */
export interface FaultPlace {
  readonly entry: string;
  readonly line: number;
  readonly text: string;
  readonly block: readonly [number, number, number];
  readonly thread: number;
}

/** A launch did what no program may do. */
export class PtxFault extends Error {
  readonly kind: FaultKind;
  place: FaultPlace | undefined;
  private readonly what: string;
  constructor(kind: FaultKind, what: string, place?: FaultPlace) {
    super(what);
    this.name = "PtxFault";
    this.kind = kind;
    this.what = what;
    this.place = undefined;
    if (place) this.at(place);
  }
  /** The same fault, with the place where it happened, unless it has one. */
  at(place: FaultPlace): this {
    if (this.place) return this;
    this.place = place;
    this.message = `${this.kind}: ${this.what}\n  at ${place.entry} line ${place.line}: ${place.text}\n  block (${place.block.join(", ")})${place.thread < 0 ? "" : `, thread ${place.thread}`}`;
    return this;
  }
}
