// Barriers in shared memory that count arrivals and bytes.

/** The state of one. */
export interface Mbarrier {
  readonly count: number;
}
