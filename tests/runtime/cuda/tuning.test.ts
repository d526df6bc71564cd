// Tuning on a card: at the first call of a program its products are measured by the card's clock, here scripted, before it goes on; the best is remembered; every way is run, with races reported, and gives the
// same bits.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../../compiler/compile.ts";
import { questionOf } from "../../../compiler/tune.ts";
import type { Choice } from "../../../compiler/lower/tile/product/choice.ts";
import type { Driver } from "../../../runtime/cuda/driver.ts";
import { fromHost, jit, matmul, setDefaultDevice, wasm, type Tensor } from "../../../stdlib/index.ts";
import { f32, program } from "../../compiler/lower/harness.ts";
import { numbers } from "../../compiler/transforms/numeric.ts";
import { closes, paper } from "../../cuda/paper.ts";

const [m, k, n] = [20, 16, 24],
  lhs = Float32Array.from(numbers(m * k, 1, -1, 1)),
  rhs = Float32Array.from(numbers(k * n, 2, -1, 1));
/** The driver with a clock that says how long the kernel took that was launched last, by its name. */
function clocked(driver: Driver, milliseconds: (kernel: string) => number): Driver {
  const names = new Map<bigint, string>();
  let last = "";
  return {
    ...bound(driver),
    cuModuleGetFunction: (fn, module, name) => {
      const result = driver.cuModuleGetFunction(fn, module, name);
      names.set(fn[0] ?? 0n, name);
      return result;
    },
    cuLaunchKernel: (...args) => {
      last = names.get(args[0]) ?? "";
      return driver.cuLaunchKernel(...args);
    },
    cuEventElapsedTime: (out, start, end) => {
      const result = driver.cuEventElapsedTime(out, start, end);
      out[0] = milliseconds(last);
      return result;
    },
  };
}
/** All calls of a driver, which may be methods of a class. */
function bound(driver: Driver): Driver {
  const calls = new Proxy(driver, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
  const names = new Set<string>();
  for (let at: object | null = driver; at && at !== Object.prototype; at = Object.getPrototypeOf(at) as object | null)
    for (const name of Object.getOwnPropertyNames(at)) if (name.startsWith("cu") || name === "hostView") names.add(name);
  return Object.fromEntries([...names].map(name => [name, Reflect.get(calls, name) as unknown])) as unknown as Driver; // its calls, each bound
}

test("the way that the card's clock says is fastest is taken from then on, and nothing is measured again", () => {
  const measured: string[] = [];
  const card = paper({ capability: 75, races: true }, { graphs: false, tune: { cache: false } }, d =>
      clocked(d, kernel => {
        measured.push(kernel);
        return kernel.endsWith("_way4") ? 4 : 10;
      }),
    ),
    { device } = card;
  setDefaultDevice(device);
  const run = (): Float32Array => {
    const [x, y] = [fromHost("f32", [m, k], lhs), fromHost("f32", [k, n], rhs)] as const,
      out = jit((a: Tensor, b: Tensor) => matmul(a, b))(x, y),
      data = out.dataSync() as Float32Array; // an f32 result
    [x, y, out].forEach(t => t.dispose());
    return data;
  };
  const first = run(),
    asked = measured.length;
  assert.ok(asked > 10 && measured.some(name => name.endsWith("_way4")), measured.join());
  assert.equal(run(), first);
  assert.is(measured.length, asked);
  const f = program((a, b) => matmul(a, b), f32(m, k), f32(k, n)),
    chosen: (string | undefined)[] = [];
  let choice: Choice | undefined;
  compile(f, device.target, { choose: c => void (choice = c) });
  for (const name of choice?.names ?? []) {
    const inputs = [lhs, rhs].map(x => device.upload("f32", x)),
      exe = device.load(compile(f, device.target, { choose: () => name })),
      [out] = exe.run(inputs);
    assert.equal(out?.readSync(), first, name);
    [...inputs, ...(out ? [out] : [])].forEach(a => a.dispose());
    exe.dispose();
    chosen.push(name);
  }
  assert.ok(chosen.length > 5);
  assert.is(choice && device.tuning?.choices.get(questionOf(choice)), chosen[4]);
  setDefaultDevice(wasm());
  closes(card);
});
test("a device whose user has not asked for it measures nothing", () => {
  const card = paper({ capability: 75 });
  assert.is(card.device.tuning, undefined);
  closes(card);
});

test.run();
