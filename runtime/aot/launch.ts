// Calls of compiled functions: trees of tensors, typed arrays and numbers in, trees of tensors out. The first call of a function on a device loads it.
import type { HostArray } from "../dtype.ts";
import { currentDevice, someDevice, type Block, type LaunchDevice, type Opener, type Program } from "./device.ts";
import { LaunchError } from "./error.ts";
import { unpack, type CompiledFunction, type Leaf } from "./format.ts";
import { sizeOf, widthOf } from "./storage.ts";
import { DeviceTensor } from "./tensor.ts";
import { build, flatten, leafOf } from "./tree.ts";

interface Loaded {
  readonly program: Program;
  readonly constants: readonly Block[];
}
type Leaves = readonly (DeviceTensor | HostArray)[];

/** A function of a module that was compiled ahead of time. It runs where its tensors are; if it is given none, on the device in force, or the first of `openers` that there is.
 *  What it is given is read when it is called: arrays may change afterwards. */
export function launch(f: CompiledFunction, openers: readonly Opener[]): (...args: readonly unknown[]) => Promise<unknown> {
  const loading = new WeakMap<LaunchDevice, Promise<Loaded>>(),
    ready = new WeakMap<LaunchDevice, Loaded>();
  return async (...args) => {
    const leaves = flatten(f.args, args, f.name).map((x, i) => leafOf(x, f.ins[i] as CompiledFunction["ins"][number], f.name)), // the tree numbers its own leaves
      device = leaves.find(x => x instanceof DeviceTensor)?.device ?? currentDevice(),
      now = device && ready.get(device);
    if (now) return run(f, device, now, leaves);
    const kept = leaves.map(x => (x instanceof DeviceTensor ? x : x.slice())),
      place = device ?? (await someDevice(openers)),
      made = loading.get(place) ?? load(f, place);
    loading.set(place, made);
    try {
      ready.set(place, await made);
    } catch (e) {
      loading.delete(place); // the next call tries again
      throw e;
    }
    return run(f, place, await made, kept);
  };
}

async function load(f: CompiledFunction, device: LaunchDevice): Promise<Loaded> {
  const program = await device.load(f, bytes => device.allocate(bytes).at),
    constants: Block[] = [];
  for (const packed of f.constants) {
    const data = await unpack(packed),
      block = device.allocate(data.length);
    device.write(block.at, data);
    constants.push(block);
  }
  return { program, constants };
}

/** One call. Memory that was filled for it, and what is donated, may become a result's. */
async function run(f: CompiledFunction, device: LaunchDevice, { program, constants }: Loaded, leaves: Leaves): Promise<unknown> {
  const { allocate, release } = device,
    arena = allocate(program.arenaBytes),
    spent = new Set([arena]), // whose holds end with the call
    outs: Block[] = [];
  try {
    const ins = [
      ...constants,
      ...leaves.map(x => {
        if (!(x instanceof DeviceTensor)) {
          const block = allocate(x.byteLength);
          spent.add(block);
          device.write(block.at, x);
          return block;
        }
        if (x.device !== device)
          throw new LaunchError("E0703", `arguments of ${f.name} live on two devices`, "move one: give await x.data()");
        return x.block("used");
      }),
    ];
    for (const i of f.donate) {
      const x = leaves[i];
      if (x instanceof DeviceTensor && !x.released) spent.add(x.surrender());
    }
    program.outputs.forEach(({ forward, donor }, i) => {
      const kept = ins[forward ?? -1],
        given = ins[donor ?? -1],
        mine = given && given.refs === 1 && spent.has(given) && ins.indexOf(given) === ins.lastIndexOf(given), // nobody else sees this memory
        block = kept ?? (mine ? given : undefined);
      if (block) block.refs++;
      const { dtype, shape } = f.outs[i] as Leaf; // one a result
      outs.push(block ?? allocate(widthOf(dtype) * sizeOf(shape)));
    });
    const addresses = (blocks: readonly Block[]): number[] => blocks.map(b => b.at);
    await program.run(addresses(ins), addresses(outs), arena.at);
  } catch (e) {
    outs.forEach(release);
    throw e;
  } finally {
    spent.forEach(release);
  }
  return build(
    f.result,
    f.outs.map(({ dtype, shape }, i) => new DeviceTensor(dtype, shape, device, outs[i] as Block)), // one a result
  );
}
