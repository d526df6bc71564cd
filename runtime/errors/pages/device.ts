// Pages of the codes E07xx, devices. Text only.

/** Pages of the codes E07xx, devices. */
export const devicePages = {
  E0701: {
    title: "a tensor was used after it was disposed",
    body: `
The memory of a tensor is released by dispose(), by using, or by donating it to a compiled function; after that it cannot be read.`,
  },
  E0702: {
    title: "out of memory",
    body: `
The device has no room for the request. The error carries requested, live, peak and largest free block, in bytes. A page's main thread may not wait
for the calls it has queued; memory that only they still need is told apart: await device.sync() and try again. toDevice does that by itself.`,
  },
  E0703: {
    title: "a device is unavailable",
    body: `
The device, or the library it needs, is missing. The message gives the reason. Nothing falls back silently to another device.`,
  },
  E0704: {
    title: "the device was lost",
    body: `
The driver reset the device, the browser took it away, or it was destroyed. Tensors on it are gone; nothing else is. Make a new device and go on from the last
checkpoint.`,
  },
  E0705: {
    title: "a dtype that the device cannot compute with",
    body: `
WebGPU has no f64 (nor has any shading language of it). Run that program on "wasm" or "cuda", or convert to f32 first.`,
  },
  E0706: {
    title: "a blocking read on an asynchronous device",
    body: `
A GPU's results arrive later: use await x.data() instead of x.dataSync(), await x.itemAsync() instead of x.item(), await saveSafetensors(tree) instead of saveSafetensorsSync(tree), and
await toDevice(tree, wasm()) for all of a tree at once. Only devices that finish within the call (wasm, cuda) can be read without await. In a
page, the wasm device computes on other threads, and the page's main thread may not wait for them: there too, use await x.data(). In a browser's worker, wasm({ dispatch: "async" }) can be waited for as soon as its thread is up: await device.sync() once.`,
  },
  E0707: {
    title: "a driver call failed",
    body: `
The message names the call, the driver's own code and text, and what was being done. Generated code that the driver refuses is shown with the driver's log.`,
  },
  E0708: {
    title: "too many calls are queued",
    body: `
WebGPU, and in a page the wasm device too, works while the program goes on, and the program may not stop to wait. So a loop that never yields would queue without
end, and no result could be read nor forgotten memory be collected. Wait inside the loop: await x.data() of a result, or await device.sync().`,
  },
  E0709: {
    title: "a GPUBuffer of yours does not fit",
    body: `
Copies between tensors and your own GPUBuffers need COPY_SRC (to read it) or COPY_DST (to write it), enough bytes, and sizes and offsets in multiples of 4. Only tensors on a WebGPU device have a GPUBuffer to
lend (borrowGpuBuffer).`,
  },
  E0710: {
    title: "the driver computes wrongly",
    body: `
device.selfTest() runs a few small programs with exactly known answers; the message lists those that came out different. Results on this device cannot be trusted:
update or change the driver, or run on "wasm".`,
  },
} as const;
