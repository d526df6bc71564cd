// Work outside any jit. An operation is a compiled one-line program, cached by primitive, operand types and parameters; a transform's program (grad(f)(x)) is
// compiled whole and cached by its contents, so that the second call of an equal program compiles nothing.
import { showAval } from "./ir/aval.ts";
import type { Func, Params } from "./ir/func.ts";
import type { Primitive } from "./ir/primitive.ts";
import { installEager, bind } from "./trace/bind.ts";
import { traceClosed } from "./trace/trace.ts";
import type { Tensor } from "./trace/tensor.ts";
import { installRunner } from "./transforms/run.ts";
import { runFunc } from "./execute.ts";
import { funcKey, identity, paramKey } from "./ir/key.ts";

const CAPACITY = 1024;
const cache = new Map<string, Func>(); // least recently used first; dropping a Func drops its executables
/** The value under `key`, made if absent; the least recently used goes when there are too many. */
function remember(key: string, make: () => Func): Func {
  const func = cache.get(key) ?? make();
  cache.delete(key);
  cache.set(key, func);
  if (cache.size > CAPACITY)
    for (const oldest of cache.keys()) {
      cache.delete(oldest);
      break;
    }
  return func;
}

installEager((prim: Primitive, ins: readonly Tensor[], params: Params) =>
  runFunc(
    remember(`${identity(prim)} ${ins.map(x => showAval(x.aval)).join(" ")} ${paramKey(params)}`, () =>
      traceClosed(
        (...xs) => bind(prim, xs, params),
        ins.map(x => x.aval),
      ),
    ),
    ins,
  ),
);
installRunner((func, args) =>
  runFunc(
    remember(funcKey(func), () => func),
    args,
  ),
);
