// CRC-32 (ISO-HDLC, the one of zip and PNG): finds torn and flipped files. It is no defence against someone who wants to deceive.

const table: readonly Uint32Array[] = tables(); // computed once, never written again

/** The checksum of `bytes`, an unsigned 32-bit integer. The check value of "123456789" is cbf43926. */
export function crc32(bytes: Uint8Array): number {
  const [t0, t1, t2, t3] = table as [Uint32Array, Uint32Array, Uint32Array, Uint32Array]; // tables() makes four
  const at = (t: Uint32Array, i: number): number => t[i & 255] ?? 0;
  let c = 0xffffffff,
    i = 0;
  for (const end = bytes.length - (bytes.length & 3); i < end; i += 4) {
    // four bytes a turn
    c ^= (bytes[i] ?? 0) | ((bytes[i + 1] ?? 0) << 8) | ((bytes[i + 2] ?? 0) << 16) | ((bytes[i + 3] ?? 0) << 24);
    c = at(t3, c) ^ at(t2, c >>> 8) ^ at(t1, c >>> 16) ^ at(t0, c >>> 24);
  }
  for (; i < bytes.length; i++) c = at(t0, c ^ (bytes[i] ?? 0)) ^ (c >>> 8);
  return ~c >>> 0;
}

function tables(): readonly Uint32Array[] {
  const first = Uint32Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    return c >>> 0;
  });
  const result = [first];
  for (let k = 1; k < 4; k++) result.push((result[k - 1] ?? first).map(c => (c >>> 8) ^ (first[c & 255] ?? 0)));
  return result;
}
