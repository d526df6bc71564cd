// Vectorised loops: parallel `for`s and folds whose bodies are straight lines. A turn makes all its loads, then the arithmetic, then all its stores: V8's
// 256-bit pairing needs that order. Folds keep a partial result in every lane and merge them in a fixed tree. What is left over is the caller's.
import { byteSize } from "../../../runtime/dtype.ts";
import type { Stmt } from "../../ir/kernel.ts";
import type { Expr } from "../../ir/scalar.ts";
import { operands } from "../../ir/exprs.ts";
import { changesOf, varyingIn } from "./analysis.ts";
import type { Local } from "./encoder/function.ts";
import type { ExprEmitter } from "./expr.ts";
import { LaneEmitter } from "./lanes.ts";
import { storedValue } from "./memory.ts";
import { register } from "./types.ts";
import { extract, lanesOf, widthOf } from "./vector.ts";

type For = Extract<Stmt, { kind: "for" }>;
type Fold = Extract<Stmt, { kind: "fold" }>;
/** A statement of a straight line. */
export type Flat = Extract<Stmt, { kind: "let" | "store" }>;
/** Where a vectorised loop stands: `i` is its first item, and afterwards the first that is left over. */
export interface Run {
  readonly i: Local;
  readonly end: Local;
  readonly elements: number;
}

/** Is a body a straight line of lets and stores? */
export const isFlat = (body: readonly Stmt[]): body is readonly Flat[] => body.every(s => s.kind === "let" || s.kind === "store");

/** Work on this many varying expressions or fewer leaves registers free for twice the items a turn. */
const LIGHT = 26;
/** Items a turn: 8, or 4 of 64-bit values, twice that for light bodies, fewer where a short loop would leave many over; undefined when not even one turn of 4 fits. */
export function chooseElements(e: ExprEmitter, s: For | Fold, varying: (x: Expr) => boolean): number | undefined {
  const length = s.begin.kind === "const" && s.end.kind === "const" ? s.end.value - s.begin.value : Infinity;
  if (length < 4) return undefined;
  const seen = new Set<Expr>();
  const visit = (x: Expr): void => {
    if (seen.has(x) || !varying(x)) return;
    seen.add(x);
    (x.kind === "load" ? [x.guard, x.otherwise] : operands(x)).forEach(y => y && visit(y));
  };
  s.body.forEach(x => {
    if (x.kind === "let" || x.kind === "store") visit(x.value);
    if (x.kind === "store" && x.guard) visit(x.guard);
  });
  if (s.kind === "fold") [...s.values, ...s.combine].forEach(visit);
  const wide = [...seen].some(x => x.dtype === "f64") || stores(s).some(x => byteSize(e.buffer(x.buf).dtype) === 8);
  let n = (wide ? 4 : 8) * (seen.size <= LIGHT ? 2 : 1);
  while (n > 4 && length < 8 * n && length % n > length % (n / 2)) n /= 2;
  return n;
}
const stores = (s: For | Fold): Extract<Stmt, { kind: "store" }>[] => s.body.flatMap(x => (x.kind === "store" ? [x] : []));

/** Whole turns of a parallel loop. */
export function vectorFor(e: ExprEmitter, s: For, run: Run): void {
  if (!isFlat(s.body)) return;
  const body = s.body;
  turns(
    e,
    s,
    run,
    lanes => {
      hoistBody(lanes, body);
      return () => straight(lanes, body, () => undefined);
    },
    () => undefined,
  );
}

/** Whole turns of a fold. `merge` combines scalar values (one for each fold) into the results; it is called for each lane of the last vectors, in order. */
export function vectorFold(e: ExprEmitter, s: Fold, run: Run, merge: (values: readonly Local[]) => void): void {
  if (!isFlat(s.body)) return;
  const { f } = e,
    body = s.body,
    partials: Local[][] = [];
  const combine = (lanes: LaneEmitter, into: readonly Local[][], from: readonly Local[][]): void =>
    lanes.scope(() => {
      s.a.forEach((v, k) => lanes.bind(v, into[k] ?? []));
      s.b.forEach((v, k) => lanes.bind(v, from[k] ?? []));
      const next = s.combine.map((x, k) => (into[k] ?? []).map((_, p) => (x.dtype === "bool" ? lanes.mask(x, 32, p) : lanes.local(x, p))));
      const held = next.map(parts =>
        parts.map(x => {
          const to = f.local("v128");
          f.get(x).set(to);
          return to;
        }),
      );
      held.forEach((parts, k) => parts.forEach((x, p) => f.get(x).set(into[k]?.[p] as Local))); // as many as `into` has
    });
  turns(
    e,
    s,
    run,
    lanes => {
      hoistBody(lanes, body);
      [...s.values, ...s.combine].forEach(x => lanes.hoist(x));
      s.folds.forEach(({ acc, init }, k) => {
        lanes.hoist(init);
        const start = acc.dtype === "bool" ? lanes.mask(init, 32, 0) : lanes.local(init, 0);
        partials[k] = Array.from({ length: lanes.parts(acc.dtype) }, () => {
          const to = f.local("v128");
          f.get(start).set(to);
          return to;
        });
      });
      return () =>
        straight(lanes, body, () =>
          combine(
            lanes,
            partials,
            s.values.map(x => lanes.all(x)),
          ),
        );
    },
    lanes => {
      let parts: Local[][] = partials,
        elements = run.elements;
      while (parts.every(p => p.length % 2 === 0)) {
        const half = parts.map(p => p.slice(0, p.length / 2));
        combine(
          lanes,
          half,
          parts.map(p => p.slice(p.length / 2)),
        );
        parts = half;
        elements /= 2;
      }
      for (let k = 0; k < elements; k++) {
        merge(
          s.folds.map(({ acc }, q) => {
            const width = widthOf(acc.dtype),
              lanesOfPart = lanesOf(width),
              to = f.local(register(acc.dtype));
            extract(f, acc.dtype, width, parts[q]?.[Math.floor(k / lanesOfPart)] as Local, k % lanesOfPart); // elements are counted over all parts
            f.set(to);
            return to;
          }),
        );
      }
    },
  );
}

/** If one whole turn fits: `before` (it returns the code of a turn), turns while they fit, `after`. */
function turns(
  e: ExprEmitter,
  s: For | Fold,
  { i, end, elements }: Run,
  before: (lanes: LaneEmitter) => () => void,
  after: (lanes: LaneEmitter) => void,
): void {
  const { f } = e,
    changes = changesOf(s.body),
    last = f.local("i32");
  f.get(end).i32(elements).op("i32.sub").set(last); // the last item at which a turn may start
  f.get(i)
    .get(last)
    .op("i32.le_s")
    .if_(() =>
      e.scope(() => {
        e.bindVar(s.v, i);
        const names = s.kind === "fold" ? [...s.a, ...s.b] : [];
        const lanes = new LaneEmitter(e, {
          v: s.v,
          i,
          elements,
          varying: varyingIn(e, [s.v, ...names], changes),
          uneven: varyingIn(e, names, changes),
        });
        const turn = before(lanes);
        lanes.memory.point();
        f.loop(top => {
          lanes.scope(() => e.scope(turn));
          lanes.memory.advance();
          f.advance(i, elements).get(i).get(last).op("i32.le_s").brIf(top);
        });
        after(lanes);
      }),
    );
}

/** Before a loop: what its body will need. */
export function hoistBody(lanes: LaneEmitter, body: readonly Flat[]): void {
  for (const s of body) {
    if (s.kind === "let") lanes.hoist(s.value);
    else lanes.memory.hoistStore(s);
  }
}
/** One turn: loads, lets and values, `rest`, stores. When a buffer is read again after it was stored to, statement by statement instead. */
export function straight(lanes: LaneEmitter, body: readonly Flat[], rest: () => void): void {
  const parts = (s: Extract<Flat, { kind: "store" }>): number =>
    s.value.dtype === "bool" ? lanes.parts("i32") : lanes.parts(s.value.dtype);
  const store = (s: Extract<Flat, { kind: "store" }>): void => {
    for (let p = 0; p < parts(s); p++) lanes.memory.store(s, p);
  };
  const inOrder = readsBack(lanes, body);
  if (!inOrder) early(lanes, body);
  const pending: Extract<Flat, { kind: "store" }>[] = [];
  for (const s of body) {
    if (s.kind === "let") {
      lanes.bind(s.v, lanes.all(s.value));
      continue;
    }
    if (inOrder) {
      store(s);
      lanes.forget(s.buf);
      continue;
    }
    lanes.all(storedValue(s));
    pending.push(s);
  }
  rest();
  pending.forEach(store);
}
function readsBack(lanes: LaneEmitter, body: readonly Flat[]): boolean {
  const written = new Set<number>();
  return body.some(s => {
    const again =
      written.size > 0 &&
      (s.kind === "let" ? [s.value] : [s.value, s.index, ...(s.guard ? [s.guard] : [])]).some(x =>
        lanes.e.depends(x, { vars: new Set(), bufs: written }),
      );
    if (s.kind === "store") written.add(s.buf);
    return again;
  });
}
/** All loads that can be made first. */
function early(lanes: LaneEmitter, body: readonly Flat[]): void {
  const seen = new Set<Expr>();
  const visit = (x: Expr): void => {
    if (seen.has(x) || !lanes.loop.varying(x)) return;
    seen.add(x);
    if (x.kind === "load" && lanes.memory.isEarly(x)) {
      lanes.all(x);
      return;
    }
    operands(x).forEach(visit);
  };
  for (const s of body) visit(s.value);
}
