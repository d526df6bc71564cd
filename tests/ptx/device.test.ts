// The device: modules are read as the driver would, launches run, and what may not happen is a fault that says where.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PtxDevice, PtxError, PtxFault } from "./device.ts";

const header = ".version 7.0\n.target sm_80\n.address_size 64\n";
const kernel = (params: string, body: string): string => `${header}.visible .entry k(${params})\n{\n${body}\n}\n`;
const COPY = kernel(
  ".param .u64 to, .param .u32 n",
  `.reg .b64 %rd<3>; .reg .b32 %r<5>; .reg .pred %p;
   ld.param.u64 %rd0, [to]; ld.param.u32 %r0, [n];
   mov.u32 %r1, %ctaid.x; mov.u32 %r2, %ntid.x; mov.u32 %r3, %tid.x; mad.lo.s32 %r4, %r1, %r2, %r3;
   setp.ge.u32 %p, %r4, %r0; @%p bra $end;
   mad.wide.s32 %rd1, %r4, 4, %rd0; st.global.u32 [%rd1], %r4;
 $end: ret;`,
);

test("a kernel writes what each thread is told to", () => {
  for (const schedule of ["forward", "reverse", { seed: 3 }] as const) {
    const d = new PtxDevice({ capability: 80, bytes: 4096, schedule });
    d.launch(d.load(COPY), "k", { grid: [3, 1, 1], block: [100, 1, 1], dynamicSharedBytes: 0, params: [d.base, 250n] });
    assert.equal([...new Int32Array(d.memory.buffer, 0, 252)], [...Array.from({ length: 250 }, (_, i) => i), 0, 0]);
  }
});
test("a module lists its entries with their parameters and memory", () => {
  const d = new PtxDevice({ capability: 90, bytes: 64 });
  const m = d.load(`${header}.visible .entry k(.param .u32 a, .param .u64 b)\n.maxntid 128, 2, 1\n{ .shared .align 16 .b8 s[40]; ret; }`);
  const e = m.entries.get("k");
  assert.equal(e?.params, [
    { name: "a", offset: 0, bytes: 4, align: 4 },
    { name: "b", offset: 8, bytes: 8, align: 8 },
  ]);
  assert.is(e?.sharedBytes, 40);
  assert.is(e?.maxThreads, 256);
});
const refuses = (text: string, line: number, what: RegExp, capability = 80): void => {
  try {
    new PtxDevice({ capability, bytes: 64 }).load(text);
  } catch (e) {
    assert.instance(e, PtxError);
    assert.is((e as PtxError).line, line); // an instance, as just seen
    assert.match((e as PtxError).message, what);
    return;
  }
  assert.unreachable("it was loaded");
};
test("what cannot be loaded is refused with its line", () => {
  refuses(kernel("", "frobnicate.b32 %r0;"), 6, /unknown instruction frobnicate.b32/);
  refuses(kernel("", ".reg .b32 %r<2>;\nadd.s32.wrap %r0, %r1, 1;"), 7, /no type or modifier .wrap/);
  refuses(kernel("", ".reg .b32 %r<2>;\nadd.s32 %r0, %r1, %r7;"), 7, /unknown name %r7/);
  refuses(kernel("", ".reg .s32 %s<2>; .reg .f32 %f<2>;\nadd.f32 %s0, %f1, %f1;"), 7, /%s0 is .s32, and .f32 is needed/);
  refuses(kernel("", ".reg .b64 %rd; .reg .b32 %r;\nadd.s32 %r, %rd, 1;"), 7, /%rd is .b64, and .s32 is needed/);
  refuses(kernel("", "bra $nowhere;"), 6, /no label \$nowhere/);
  refuses(header.replace("sm_80", "sm_90"), 1, /does not run on a device of compute capability 80/);
});
const faults = (body: string, kind: PtxFault["kind"], what: RegExp): void => {
  const d = new PtxDevice({ capability: 80, bytes: 256, races: true });
  try {
    d.launch(d.load(kernel(".param .u64 to", body)), "k", { grid: [1, 1, 1], block: [32, 1, 1], dynamicSharedBytes: 0, params: [d.base] });
  } catch (e) {
    assert.instance(e, PtxFault);
    assert.is((e as PtxFault).kind, kind); // an instance, as just seen
    assert.match((e as PtxFault).message, what);
    return;
  }
  assert.unreachable("nothing happened");
};
const REGS = ".reg .b64 %rd<4>; .reg .b32 %r<8>; .reg .f32 %f<4>; .reg .pred %p<4>; ld.param.u64 %rd0, [to];\n";
test("a launch that misbehaves is a fault with its place", () => {
  faults(`${REGS}ld.global.u32 %r0, [%rd0+256];`, "address", /outside global memory[\s\S]*at k line 7/);
  faults(`${REGS}ld.global.u32 %r0, [%rd0+-4];`, "address", /outside/);
  faults(`${REGS}ld.global.u32 %r0, [%rd0+2];`, "alignment", /aligned to 4/);
  faults(`${REGS}add.s32 %r0, %r1, 1;`, "uninitialized", /before it is written/);
  faults(`${REGS}mov.u32 %r0, %tid.x; setp.lt.s32 %p0, %r0, 5; @%p0 bar.sync 0;`, "divergence", /all lanes of the warp/);
  faults(`${REGS}bar.sync 1, 64;`, "deadlock", /barrier 1/);
});
test("sides of a branch meet again", () => {
  const d = new PtxDevice({ capability: 80, bytes: 256 });
  d.launch(
    d.load(
      kernel(
        ".param .u64 to",
        `${REGS}mov.u32 %r0, %tid.x; mul.wide.u32 %rd1, %r0, 4; add.u64 %rd1, %rd1, %rd0; mov.u32 %r1, 0;
 $loop: setp.ge.u32 %p0, %r1, %r0; @%p0 bra $out; add.u32 %r1, %r1, 1; bra $loop;
 $out: activemask.b32 %r2; st.global.u32 [%rd1], %r2;`,
      ),
    ),
    "k",
    { grid: [1, 1, 1], block: [32, 1, 1], dynamicSharedBytes: 0, params: [d.base] },
  );
  assert.ok(new Int32Array(d.memory.buffer, 0, 32).every(x => x === -1));
});
test.run();
