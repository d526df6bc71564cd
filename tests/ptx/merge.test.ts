// One body for many launches on CUDA: a group finds its part's addresses by branches, and computes the bits that the part's own launch gives, races reported.
import { test } from "uvu";
import { cardTarget } from "../../compiler/compile.ts";
import { emitPtx } from "../../compiler/emit/ptx/module.ts";
import { toStorage } from "../../compiler/host.ts";
import { inputsOf } from "../compiler/lower/harness.ts";
import { mergedIsUnmerged } from "../backends/merged.ts";
import { ProgramDevice } from "./programs.ts";

for (const capability of [75, 80])
  test(`merged launches give the bits that they give one by one, on capability ${capability}`, async () => {
    const device = new ProgramDevice({ capability, bytes: 1 << 22, schedule: { seed: 3 }, races: true }),
      { target } = device;
    if (target.kind !== "cuda") throw new TypeError(target.kind);
    const { features } = target;
    await mergedIsUnmerged(cardTarget(features), (f, p) => {
      const args = inputsOf(f).map(x => device.upload(x.dtype, toStorage(x.dtype, x.data))),
        outs = device.load(emitPtx(p, features)).run(args),
        results = outs.map(x => x.readSync());
      [...args, ...outs].forEach(x => x.dispose());
      return results;
    });
  });
test.run();
