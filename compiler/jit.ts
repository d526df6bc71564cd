// jit: trace once per argument types, compile, and from then on one call a step. Cached by the function, the structure, types and weakness of its
// arguments, and static arguments by identity; a new trace says why.
import { PullbackError } from "../runtime/errors/error.ts";
import type { Precision } from "../runtime/precision.ts";
import { stageText, type Stage } from "./compile.ts";
import { deviceOf, executableFor, runExecutable } from "./execute.ts";
import { withoutNans } from "./nans.ts";
import { sameAval, showAval, type Aval } from "./ir/aval.ts";
import type { Func } from "./ir/func.ts";
import { leafPaths, leavesIf, showTree, unflatten, type TreeDef } from "./support/tree.ts";
import { currentBuilder } from "./trace/builder.ts";
import { isTensor, type Tensor } from "./trace/tensor.ts";
import { join, stageAt, tensorLeaves, type Tensors } from "./transforms/stage.ts";

/** Options of `jit`. */
export interface JitOptions {
  /** Positions of arguments that are not tensors: compared by identity, baked into the program. */
  readonly static?: readonly number[];
  /** Positions of arguments whose memory the results may take over; those tensors are dead afterwards. */
  readonly donate?: readonly number[];
  /** How exactly products of f32 are wanted that do not say themselves, where hardware offers less for more speed. Default: the device's. */
  readonly precision?: Precision;
  /** After each call, look for NaN in the results; if there is one, run again slowly and name the operation that made the first. On a device that
   *  cannot be waited for (WebGPU, a page's threads) reading a result rejects with the error. @throws E0603 */
  readonly debugNans?: boolean;
  /** Told the reason each time the function is traced ("first call", "params.w was f32[3], is f32[4]"). */
  readonly onTrace?: (reason: string) => void;
}
/** A program that is traced but not run. */
export interface Lowered {
  /** The traced program. */
  readonly func: Func;
  /** A stage of compilation as text. */
  text(stage: Stage, options?: { readonly sources?: boolean }): string;
}
/** A compiled function. Inside another trace it is simply inlined. */
export interface Jitted<A extends readonly unknown[], R> {
  (...args: A): Tensors<R>;
  /** Trace at the types of `args` without running. */
  lower(...args: A): Lowered;
  /** How many times the function has been traced. */
  readonly traces: number;
  /** What `jit` was given: whoever compiles the function by other means keeps to it. */
  readonly options: JitOptions;
}

interface Entry {
  readonly statics: readonly unknown[];
  readonly def: TreeDef;
  readonly avals: readonly Aval[];
  readonly weak: readonly boolean[];
  readonly func: Func;
  readonly captured: readonly Tensor[];
  readonly outDef: TreeDef;
  readonly outAvals: readonly Aval[];
  readonly donate: readonly boolean[];
}

/** Compile `f`, a pure function of trees of tensors. @throws E0105 when it returns something else */
export function jit<A extends readonly unknown[], R>(f: (...args: A) => R, options: JitOptions = {}): Jitted<A, R> {
  const statics = options.static ?? [],
    donated = options.donate ?? [],
    precise = options.precision === undefined ? {} : { precision: options.precision };
  const entries = new Map<string, Entry[]>();
  let traces = 0;
  let last: Entry | undefined; // the newest
  let recent: Entry | undefined; // that of the last call

  const find = (args: readonly unknown[]): { readonly entry: Entry; readonly leaves: readonly Tensor[] } => {
    const fixed = statics.map(i => args[i]);
    const dynamic = statics.length === 0 ? args : args.filter((_, i) => !statics.includes(i));
    const same = recent && isSame(recent.statics, fixed) ? leavesFor(recent, dynamic) : undefined;
    if (recent && same) return { entry: recent, leaves: same };
    const { leaves, def } = tensorLeaves(dynamic, "args");
    const key = keyOf(def, leaves);
    const known = entries.get(key)?.find(e => isSame(e.statics, fixed));
    if (known) return { entry: (recent = known), leaves };
    options.onTrace?.(last ? explain(last, def, leaves, fixed) : "first call");
    const entry = traceEntry(args, fixed, leaves, def);
    const list = entries.get(key);
    if (list) list.push(entry);
    else entries.set(key, [entry]);
    last = recent = entry;
    return { entry, leaves };
  };
  const traceEntry = (args: readonly unknown[], fixed: readonly unknown[], leaves: readonly Tensor[], def: TreeDef): Entry => {
    traces++;
    const call = (...dynamic: readonly unknown[]): unknown => {
      let next = 0;
      return f(...(args.map((a, i) => (statics.includes(i) ? a : dynamic[next++])) as unknown as A)); // the caller's own argument list with tracers for its leaves
    };
    const avals = leaves.map(x => x.aval);
    const weak = leaves.map(x => x.weak);
    const staged = stageAt(call, def, avals, weak, "jit");
    const owners = argumentOfLeaf(
      def,
      args.map((_, i) => i).filter(i => !statics.includes(i)),
    );
    const donate = [...staged.captured.map(() => false), ...owners.map(i => donated.includes(i))];
    return {
      statics: fixed,
      def,
      avals,
      weak,
      func: staged.func,
      captured: staged.captured,
      outDef: staged.outDef,
      outAvals: staged.func.results.map(r => r.aval),
      donate,
    };
  };
  const run = (...args: A): Tensors<R> => {
    if (currentBuilder()) return f(...args) as Tensors<R>; // staged: the surrounding trace records the same operations
    const { entry, leaves } = find(args);
    const inputs = entry.captured.length === 0 ? leaves : [...entry.captured, ...leaves];
    const device = deviceOf(inputs);
    const exe = executableFor(entry.func, device, { donate: entry.donate, ...precise });
    const call = (): Tensor[] => runExecutable(exe, device, inputs, entry.outAvals, entry.donate);
    const outs = options.debugNans === true ? withoutNans(entry.func, inputs, device, call) : call();
    return unflatten(entry.outDef, outs) as Tensors<R>; // f's own structure
  };
  return Object.defineProperty(
    Object.assign(run, {
      options,
      lower: (...args: A): Lowered => {
        if (currentBuilder())
          throw new PullbackError("E0101", "lower was called while another function is being traced", {
            help: "call it outside, on example arguments",
          });
        const { entry } = find(args);
        return {
          func: entry.func,
          text: (stage, print = {}) => stageText(entry.func, stage, { donate: entry.donate, ...precise, ...print }),
        };
      },
    }),
    "traces",
    { get: () => traces },
  ) as Jitted<A, R>; // defineProperty adds the getter that the type names
}

/** Are these the same static arguments? */
const isSame = (a: readonly unknown[], b: readonly unknown[]): boolean => a.every((x, i) => Object.is(x, b[i]));

/** The tensors of a call that `entry` can serve; undefined if it cannot. What most calls need, so it makes neither keys nor types. */
function leavesFor(entry: Entry, args: readonly unknown[]): readonly Tensor[] | undefined {
  const leaves = leavesIf(entry.def, args);
  return leaves?.every((x, i): x is Tensor => {
    const aval = entry.avals[i];
    return isTensor(x) && x.weak === entry.weak[i] && aval !== undefined && sameAval(x, aval);
  })
    ? leaves
    : undefined;
}

/** A key equal exactly when structure, dtypes, shapes and weakness of the leaves are. */
function keyOf(def: TreeDef, leaves: readonly Tensor[]): string {
  let key = def.key;
  for (const x of leaves) key += `${x.weak ? "~" : "|"}${x.dtype}${x.shape.join(",")}`;
  return key;
}

/** Why the new types are not the old ones, naming the first difference. */
function explain(old: Entry, def: TreeDef, leaves: readonly Tensor[], fixed: readonly unknown[]): string {
  if (old.def.key !== def.key) return `the structure of the arguments was ${showTree(old.def)}, is ${showTree(def)}`;
  const paths = leafPaths(def);
  for (const [i, x] of leaves.entries()) {
    const was = old.avals[i];
    if (was && showAval(was) !== showAval(x.aval)) return `${join("args", paths[i] ?? "")} was ${showAval(was)}, is ${showAval(x.aval)}`;
  }
  return fixed.some((s, i) => !Object.is(s, old.statics[i]))
    ? "a static argument is another object or value"
    : "a number took the place of a tensor, or the reverse";
}

/** For each leaf, the position of the argument that it belongs to. */
function argumentOfLeaf(def: TreeDef, positions: readonly number[]): number[] {
  return leafPaths(def).map(path => positions[Number(/^\[(\d+)\]/.exec(path)?.[1] ?? -1)] ?? -1);
}
