// Operations outside any trace: each is a compiled one-line program, cached by primitive, operand types and parameters.
import { showAval } from "./ir/aval.ts";
import type { Func, Params } from "./ir/func.ts";
import type { Primitive } from "./ir/primitive.ts";
import { installEager, bind } from "./trace/bind.ts";
import { traceClosed } from "./trace/trace.ts";
import type { Tensor } from "./trace/tensor.ts";
import { runFunc } from "./execute.ts";
import { identity, paramKey } from "./support/key.ts";

const CAPACITY = 1024;
const cache = new Map<string, Func>(); // least recently used first; dropping a Func drops its executables
function evaluateEagerly(prim: Primitive, ins: readonly Tensor[], params: Params): Tensor[] {
  const key = `${identity(prim)} ${ins.map(x => showAval(x.aval)).join(" ")} ${paramKey(params)}`;
  let func = cache.get(key);
  if (func) cache.delete(key);
  else func = traceClosed((...xs) => bind(prim, xs, params), ins.map(x => x.aval));
  cache.set(key, func);
  if (cache.size > CAPACITY) for (const oldest of cache.keys()) { cache.delete(oldest); break; }
  return runFunc(func, ins);
}

installEager(evaluateEagerly);
