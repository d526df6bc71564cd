// Functions of the generated shaders: what an operation of ir/scalar.ts means where WGSL's own does not. A shader may assume that there is no NaN and no infinity, its min, max
// and != disagree on NaN, conversions and packing have no fixed rounding: here all that is decided by bits. A module holds only those it uses.

/** Names of the functions. */
export type Helper =
  | "isNan"
  | "lt"
  | "le"
  | "eq"
  | "minimum"
  | "maximum"
  | "remainder"
  | "divideInt"
  | "divideUint"
  | "remainderInt"
  | "remainderUint"
  | "shiftLeft"
  | "shiftRight"
  | "shiftSigned"
  | "toInt"
  | "toUint"
  | "fromHalf"
  | "toHalf"
  | "toBrain"
  | "load8"
  | "load16"
  | "store8"
  | "store16";

interface Definition {
  readonly uses?: readonly Helper[];
  readonly text: string;
}
const MASK = "0x7fffffffu",
  INFINITY = "0x7f800000u";
/** min and max: NaN wins, -0 is below +0. Where both are equal their bits differ in the sign of a zero at most. */
const extremum = (name: string, builtin: string, zeros: string): string => `fn ${name}(x: f32, y: f32) -> f32 {
  let m = select(${builtin}(x, y), bitcast<f32>(bitcast<u32>(x) ${zeros} bitcast<u32>(y)), x == y);
  return select(select(m, y, isNan(y)), x, isNan(x));
}`;
/** A comparison that is false where either operand is NaN. Without branches: `&&` is one, and SwiftShader takes many times as long to compile a kernel full of them. */
const comparison = (name: string, op: string): string => `fn ${name}(x: f32, y: f32) -> bool {
  return (x ${op} y) & !isNan(x) & !isNan(y);
}`;
/** A store of part of a word. Other threads may be writing its other parts: only bits that this one owns are turned. */
const part = (bits: 8 | 16): string => `fn store${bits}(at: u32, value: u32) {
  let word = at >> ${bits === 8 ? 2 : 1}u;
  let shift = (at & ${bits === 8 ? 3 : 1}u) * ${bits}u;
  atomicXor(&heap[word], (atomicLoad(&heap[word]) ^ (value << shift)) & (${bits === 8 ? "0xffu" : "0xffffu"} << shift));
}`;

/** Definitions in an order in which each comes after what it uses. `word`: how a word of the heap is read. */
const definitions = (word: (at: string) => string): Readonly<Record<Helper, Definition>> => ({
  isNan: {
    text: `fn isNan(x: f32) -> bool {
  return (bitcast<u32>(x) & ${MASK}) > ${INFINITY};
}`,
  },
  lt: { uses: ["isNan"], text: comparison("lt", "<") },
  le: { uses: ["isNan"], text: comparison("le", "<=") },
  eq: { uses: ["isNan"], text: comparison("eq", "==") },
  minimum: { uses: ["isNan"], text: extremum("minimum", "min", "|") },
  maximum: { uses: ["isNan"], text: extremum("maximum", "max", "&") },
  /** Long division of the significands, eight bits at a time: exact, subnormals included. \`zero\` hides the NaN from the shader's compiler. */
  remainder: {
    text: `fn remainder(x: f32, y: f32, zero: u32) -> f32 {
  let sign = bitcast<u32>(x) & 0x80000000u;
  let a = bitcast<u32>(x) & ${MASK};
  let b = bitcast<u32>(y) & ${MASK};
  if ((a >= ${INFINITY}) | (b > ${INFINITY}) | (b == 0u)) {
    return bitcast<f32>(0x7fc00000u | zero);
  }
  if (a < b) {
    return x;
  }
  let low = max(b >> 23u, 1u);
  let by = (b & 0x7fffffu) | select(0x800000u, 0u, b < 0x800000u);
  var left = ((a & 0x7fffffu) | select(0x800000u, 0u, a < 0x800000u)) % by;
  for (var n = max(a >> 23u, 1u) - low; n > 0u; n -= min(n, 8u)) {
    left = (left << min(n, 8u)) % by;
  }
  if (left == 0u) {
    return bitcast<f32>(sign);
  }
  let up = min(countLeadingZeros(left) - 8u, low - 1u);
  let scaled = left << up;
  return bitcast<f32>(sign | select(((low - up) << 23u) | (scaled & 0x7fffffu), scaled, scaled < 0x800000u));
}`,
  },
  /** x/0 is all ones; the smallest integer by -1 wraps. */
  divideInt: {
    text: `fn divideInt(x: i32, y: i32) -> i32 {
  if (y == 0i) {
    return -1i;
  }
  return select(x / select(y, 1i, y == -1i), 0i - x, y == -1i);
}`,
  },
  divideUint: {
    text: `fn divideUint(x: u32, y: u32) -> u32 {
  return select(x / max(y, 1u), 0xffffffffu, y == 0u);
}`,
  },
  /** x % 0 is x: the quotient, whatever it is, is multiplied by 0. */
  remainderInt: { uses: ["divideInt"], text: `fn remainderInt(x: i32, y: i32) -> i32 {\n  return x - divideInt(x, y) * y;\n}` },
  remainderUint: { uses: ["divideUint"], text: `fn remainderUint(x: u32, y: u32) -> u32 {\n  return x - divideUint(x, y) * y;\n}` },
  /** Shifts by 32 and more give 0, or the sign. */
  shiftLeft: { text: `fn shiftLeft(x: u32, n: u32) -> u32 {\n  return select(x << (n & 31u), 0u, n >= 32u);\n}` },
  shiftRight: { text: `fn shiftRight(x: u32, n: u32) -> u32 {\n  return select(x >> (n & 31u), 0u, n >= 32u);\n}` },
  shiftSigned: { text: `fn shiftSigned(x: i32, n: u32) -> i32 {\n  return x >> min(n, 31u);\n}` },
  /** Truncates and saturates; NaN gives 0. */
  toInt: {
    uses: ["isNan"],
    text: `fn toInt(x: f32) -> i32 {
  let n = select(i32(clamp(x, -2147483648.0f, 2147483520.0f)), 2147483647i, x >= 2147483648.0f);
  return select(n, 0i, isNan(x));
}`,
  },
  toUint: {
    uses: ["isNan"],
    text: `fn toUint(x: f32) -> u32 {
  let n = select(u32(clamp(x, 0.0f, 4294967040.0f)), 4294967295u, x >= 4294967296.0f);
  return select(n, 0u, isNan(x));
}`,
  },
  fromHalf: {
    text: `fn fromHalf(h: u32) -> f32 {
  let sign = (h & 0x8000u) << 16u;
  let rest = (h & 0x7fffu) << 13u;
  let tiny = bitcast<u32>(f32(h & 0x7fffu) * 5.9604644775390625e-8f);
  return bitcast<f32>(sign | select(select(rest + 0x38000000u, rest | ${INFINITY}, rest >= 0x0f800000u), tiny, rest < 0x00800000u));
}`,
  },
  /** The nearest half, ties to even. */
  toHalf: {
    text: `fn toHalf(x: f32) -> u32 {
  let b = bitcast<u32>(x);
  let a = b & ${MASK};
  let normal = (a - 0x38000000u + 0xfffu + ((a >> 13u) & 1u)) >> 13u;
  let drop = clamp(126u - min(a >> 23u, 126u), 14u, 25u);
  let whole = (a & 0x7fffffu) | 0x800000u;
  let kept = whole >> drop;
  let rest = whole & ((1u << drop) - 1u);
  let tie = 1u << (drop - 1u);
  let tiny = kept + select(0u, 1u, (rest > tie) | ((rest == tie) & ((kept & 1u) == 1u)));
  let finite = select(normal, select(tiny, 0u, a < 0x33000000u), a < 0x38800000u);
  let large = select(0x7c00u, 0x7e00u, a > ${INFINITY});
  return ((b >> 16u) & 0x8000u) | select(finite, large, a >= 0x477ff000u);
}`,
  },
  /** The nearest bf16, ties to even. */
  toBrain: {
    text: `fn toBrain(x: f32) -> u32 {
  let b = bitcast<u32>(x);
  return select((b + 0x7fffu + ((b >> 16u) & 1u)) >> 16u, 0x7fc0u, (b & ${MASK}) > ${INFINITY});
}`,
  },
  load8: { text: `fn load8(at: u32) -> u32 {\n  return (${word("at >> 2u")} >> ((at & 3u) * 8u)) & 0xffu;\n}` },
  load16: { text: `fn load16(at: u32) -> u32 {\n  return (${word("at >> 1u")} >> ((at & 1u) * 16u)) & 0xffffu;\n}` },
  store8: { text: part(8) },
  store16: { text: part(16) },
});

/** The text of `used` and of all that they use. */
export function helperText(used: ReadonlySet<Helper>, word: (at: string) => string): string[] {
  const table = definitions(word),
    wanted = new Set<Helper>();
  const want = (h: Helper): void => {
    wanted.add(h);
    table[h].uses?.forEach(want);
  };
  used.forEach(want);
  return (Object.keys(table) as Helper[]).filter(h => wanted.has(h)).map(h => table[h].text); // the table's keys are exactly Helper
}
