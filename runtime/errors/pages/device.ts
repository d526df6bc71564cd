// Pages of the codes E07xx, devices. Text only.

/** Pages of the codes E07xx, devices. */
export const devicePages = {
  E0701: { title: "a tensor was used after it was disposed", body: `
The memory of a tensor is released by dispose(), by using, or by donating it to a compiled function; after that it cannot be read.` },
  E0702: { title: "out of memory", body: `
The device has no room for the request. The error carries requested, live, peak and largest free block, in bytes.` },
  E0703: { title: "a device is unavailable", body: `
The device, or the library it needs, is missing. The message gives the reason. Nothing falls back silently to another device.` },
} as const;
