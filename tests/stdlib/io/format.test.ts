// The safetensors format: round trips, every check of untrusted input, and a fuzzer that lets nothing but E09xx out.
import { test } from "uvu";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { dtypes, hostArray, hostView, byteSize, type DType } from "../../../runtime/dtype.ts";
import { PullbackError } from "../../../runtime/errors/error.ts";
import { checksumKey, decode, encode, type Contents, type NamedArray } from "../../../stdlib/io/format.ts";

/** A file from a header text and data bytes. */
function file(header: string, data: readonly number[] | Uint8Array = []): Uint8Array {
  const h = new TextEncoder().encode(header),
    bytes = new Uint8Array(8 + h.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(h.length), true);
  bytes.set(h, 8);
  bytes.set(data, 8 + h.length);
  return bytes;
}
function refuses(bytes: Uint8Array, pattern: RegExp, code = "E0901"): void {
  try {
    decode(bytes);
  } catch (error) {
    assert.instance(error, PullbackError);
    assert.is((error as PullbackError).code, code);
    assert.match((error as PullbackError).message, pattern);
    return;
  }
  assert.unreachable(`decoded, expected ${pattern}`);
}
const one = (fields: string): string => `{"a":{${fields}}}`;

test("every dtype round-trips bit for bit, also with zero elements and zero dimensions", () => {
  const tensors = new Map<string, NamedArray>();
  for (const dtype of dtypes) {
    for (const shape of [[], [0], [3], [2, 0, 3], [2, 3]]) {
      const n = shape.reduce((a, b) => a * b, 1),
        bytes = Uint8Array.from({ length: n * byteSize(dtype) }, (_, i) => (dtype === "bool" ? i % 2 : (i * 37 + 11) & 255));
      tensors.set(`${dtype} ${shape}`, { dtype, shape, data: hostView(dtype, bytes.buffer, 0, n) });
    }
  }
  const back = decode(encode({ tensors, metadata: new Map([["author", 'ü "quoted" \u0001']]) }));
  assert.is(back.tensors.size, tensors.size);
  for (const [name, x] of tensors) {
    const y = back.tensors.get(name);
    assert.equal(y?.shape, x.shape, name);
    assert.is(y?.dtype, x.dtype);
    assert.equal(
      new Uint8Array(y?.data.buffer ?? new ArrayBuffer(0), y?.data.byteOffset, y?.data.byteLength),
      new Uint8Array(x.data.buffer),
      name,
    );
  }
  assert.is(back.metadata.get("author"), 'ü "quoted" \u0001');
});

test("the bytes of a known file are exactly these", () => {
  const bytes = encode({ tensors: new Map([["w", { dtype: "f32", shape: [2], data: Float32Array.of(1, -2) }]]), metadata: new Map() });
  const size = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  assert.is(size % 8, 0);
  assert.match(
    new TextDecoder().decode(bytes.subarray(8, 8 + size)),
    /^\{"__metadata__":\{"pullback\.crc32":"[0-9a-f]{8}"\},"w":\{"dtype":"F32","shape":\[2\],"data_offsets":\[0,8\]\}\} *$/,
  );
  assert.equal([...bytes.subarray(8 + size)], [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
});

test("data of wide dtypes comes first, so that every array is aligned in the file", () => {
  const tensors = new Map<string, NamedArray>(
    (["u8", "f16", "f64", "f32"] as const).map(dtype => [dtype, { dtype, shape: [1], data: hostArray(dtype, 1) }]),
  );
  assert.equal([...decode(encode({ tensors, metadata: new Map() })).tensors.keys()], ["f64", "f32", "f16", "u8"]);
});

test("a file that someone else wrote is read: padding, metadata, no checksum", () => {
  const { tensors, metadata } = decode(
    file(
      `{ "b" : {"dtype":"U8","shape":[2],"data_offsets":[4,6]},\n"a":{"shape":[],"data_offsets":[0,4],"dtype":"I32"},"__metadata__":{"format":"pt"}}   `,
      [1, 0, 0, 0, 7, 8],
    ),
  );
  assert.equal([...tensors.keys()], ["b", "a"]);
  assert.equal(tensors.get("a")?.data, Int32Array.of(1));
  assert.equal(tensors.get("b")?.data, Uint8Array.of(7, 8));
  assert.is(metadata.get("format"), "pt");
});

test("bytes that came as Node's Buffer, or as a part of a larger array, are read like any others, and copied", () => {
  const bytes = encode({ tensors: new Map([["a", { dtype: "f32", shape: [2], data: Float32Array.of(1, 2) }]]), metadata: new Map() });
  const larger = new Uint8Array(bytes.length + 3);
  larger.set(bytes, 3);
  for (const given of [Buffer.from(bytes), larger.subarray(3)]) {
    const { data } = decode(given).tensors.get("a") as NamedArray; // written above
    given.fill(0);
    assert.equal(data, Float32Array.of(1, 2));
  }
});
test("names are only Map keys: __proto__ is a name like any other", () => {
  assert.equal([...decode(file(`{"__proto__":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`)).tensors.keys()], ["__proto__"]);
});

test("each malformed file is refused with the reason", () => {
  refuses(new Uint8Array(7), /7 bytes/);
  refuses(Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255), /header claims 18446744073709551615 bytes/);
  refuses(Uint8Array.of(0, 225, 245, 5, 0, 0, 0, 0, 123), /the header claims 100000000 bytes, the file has 1/);
  refuses(Uint8Array.of(1, 225, 245, 5, 0, 0, 0, 0, 123), /at most 100000000/);
  refuses(file(" {}"), /does not start with \{/);
  refuses(file("{"), /not JSON at character 1/);
  refuses(file("{}x"), /text after the value/);
  refuses(file(`{"a":[[[[[0]]]]]}`), /more than 4 levels/);
  refuses(file(`{"a\u0000b":0}`), /control character/);
  const notUtf8 = file(`{"aa":0}`);
  notUtf8[10] = 0xff;
  refuses(notUtf8, /not UTF-8/);
  const entry = `{"dtype":"U8","shape":[1],"data_offsets":[0,1]}`;
  refuses(file(`{"a":${entry},"a":${entry}}`, [0]), /the key "a" is repeated/);
  refuses(file(`{"a":${entry},"\\u0061":${entry}}`, [0]), /the key "a" is repeated/);
  refuses(file(one(`"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]`), [0]), /the key "dtype" is repeated/);
  refuses(file(`{"a":3}`), /not described by an object/);
  refuses(file(one(`"shape":[1],"data_offsets":[0,1]`), [0]), /no dtype/);
  refuses(file(one(`"dtype":"Q7","shape":[1],"data_offsets":[0,1]`), [0]), /unknown dtype "Q7"/);
  refuses(file(one(`"dtype":"I64","shape":[1],"data_offsets":[0,8]`), [0, 0, 0, 0, 0, 0, 0, 0]), /dtype I64; pullback has F32/, "E0902");
  refuses(file(one(`"dtype":"U8","data_offsets":[0,1]`), [0]), /shape is not a list/);
  for (const bad of ["-1", "1.5", "9007199254740992", "1e400", '"1"'])
    refuses(file(one(`"dtype":"U8","shape":[${bad}],"data_offsets":[0,1]`), [0]), /not a size/);
  refuses(file(one(`"dtype":"U8","shape":[1],"data_offsets":[0,1,1]`), [0]), /not a begin and an end/);
  refuses(file(one(`"dtype":"U8","shape":[1],"data_offsets":[1,0]`), [0]), /not a begin and an end/);
  refuses(file(one(`"dtype":"F32","shape":[1],"data_offsets":[0,1]`), [0]), /takes 4 bytes, its data_offsets hold 1/);
  refuses(
    file(one(`"dtype":"U8","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,0]`)),
    /takes 79228162514264337593543950336 bytes/,
  );
  refuses(file(one(`"dtype":"U8","shape":[${Array(65).fill(1)}],"data_offsets":[0,1]`), [0]), /65 dimensions/);
  refuses(file(one(`"dtype":"U8","shape":[1],"data_offsets":[1,2]`), [0, 0]), /begins at byte 1 of the data/);
  refuses(file(`{"a":${entry},"b":${entry}}`, [0]), /begins at byte 0 of the data, the one before it ends at 1/);
  refuses(file(one(`"dtype":"U8","shape":[1],"data_offsets":[0,1]`), [0, 0]), /take 1 bytes, the file has 2/);
  refuses(file(one(`"dtype":"U8","shape":[2],"data_offsets":[0,2]`), [0]), /take 2 bytes, the file has 1/);
  refuses(file(one(`"dtype":"BOOL","shape":[2],"data_offsets":[0,2]`), [1, 2]), /element 1 is 2, a bool is 0 or 1/);
  refuses(file(`{"__metadata__":{"a":1}}`), /not a string/);
  refuses(file(`{"__metadata__":[]}`), /not an object/);
});

test("a flipped bit anywhere in the data is found by the checksum", () => {
  const bytes = encode({
    tensors: new Map([["w", { dtype: "u8", shape: [32], data: Uint8Array.from({ length: 32 }, (_, i) => i) }]]),
    metadata: new Map(),
  });
  for (let bit = 0; bit < 32 * 8; bit++) {
    const torn = bytes.slice(),
      at = torn.length - 32 + (bit >> 3);
    torn[at] = (torn[at] ?? 0) ^ (1 << (bit & 7));
    refuses(torn, /checksum/);
  }
});

test("a user's value for the checksum key does not replace the checksum", () => {
  assert.is.not(decode(encode({ tensors: new Map(), metadata: new Map([[checksumKey, "lie"]]) })).metadata.get(checksumKey), "lie");
});

const anyName = fc.string({ maxLength: 12, unit: "binary" }).filter(s => s !== "__metadata__" && s.isWellFormed());
const anyArray: fc.Arbitrary<NamedArray> = fc
  .tuple(fc.constantFrom<DType>(...dtypes), fc.array(fc.nat(4), { maxLength: 3 }), fc.infiniteStream(fc.nat(255)))
  .map(([dtype, shape, stream]) => {
    const n = shape.reduce((a, b) => a * b, 1),
      bytes = Uint8Array.from(stream.take(n * byteSize(dtype)), b => (dtype === "bool" ? b & 1 : b));
    return { dtype, shape, data: hostView(dtype, bytes.buffer, 0, n) };
  });
const anyContents: fc.Arbitrary<Contents> = fc.record({
  tensors: fc.array(fc.tuple(anyName, anyArray), { maxLength: 4 }).map(xs => new Map(xs)),
  metadata: fc.array(fc.tuple(anyName, fc.string()), { maxLength: 2 }).map(xs => new Map(xs.filter(([, v]) => v.isWellFormed()))),
});
const onlyOurs = (bytes: Uint8Array): void => {
  try {
    decode(bytes);
  } catch (error) {
    if (!(error instanceof PullbackError) || !error.code.startsWith("E09")) throw error;
  }
};

test("decoding is the inverse of encoding, and encoding again gives the same bytes", () => {
  fc.assert(
    fc.property(anyContents, contents => {
      const bytes = encode(contents),
        back = decode(bytes);
      assert.equal(encode(back), bytes);
      assert.is(back.tensors.size, contents.tensors.size);
    }),
    { numRuns: 200 },
  );
});
test("any bytes are a file or an E09xx", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), onlyOurs), { numRuns: 500 });
  fc.assert(
    fc.property(fc.json(), fc.uint8Array({ maxLength: 16 }), (json, data) => onlyOurs(file(json, data))),
    { numRuns: 500 },
  );
});
test("a damaged file is a file or an E09xx", () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(anyContents, damage, fc.nat(), (contents, edits, cut) => {
      const bytes = encode(contents);
      for (const [at, value] of edits) bytes[at % bytes.length] = value;
      onlyOurs(bytes);
      onlyOurs(bytes.subarray(0, cut % bytes.length));
    }),
    { numRuns: 500 },
  );
});
test("a header of almost-right fields is a file or an E09xx", () => {
  const field = fc.oneof(
    fc.constantFrom("F32", "BOOL", "I64", "x", 0, 1, 4, -1, 0.5, 2 ** 53, null),
    fc.array(fc.constantFrom<unknown>(0, 1, 2, 4, 8, -1, 2 ** 53, "1", null, []), { maxLength: 3 }),
  );
  const entry = fc.record({ dtype: field, shape: field, data_offsets: field }, { requiredKeys: [] });
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom("a", "b", "__metadata__", "__proto__"), entry),
      fc.uint8Array({ maxLength: 8 }),
      (header, data) => onlyOurs(file(JSON.stringify(header), data)),
    ),
    { numRuns: 1000 },
  );
});

test.run();
