// The two shaders of the host's own: copies of any alignment, and gates, which decide on the device whether the launches of a region happen.
const BINDINGS = (parameters: number): string =>
  `@group(0) @binding(0) var<storage, read_write> heap: array<u32>;\n@group(0) @binding(1) var<uniform> p: array<vec4<u32>, ${parameters}>;`;

/** Parameters: from, to, bytes (addresses in bytes). One word of the target a thread: shifted together from two of the source, and merged with what is there where the range ends inside it. */
export const COPY: string = `${BINDINGS(1)}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) g: vec3<u32>, @builtin(local_invocation_index) i: u32) {
  let begin = p[0].x; let to = p[0].y; let bytes = p[0].z;
  let word = (to >> 2u) + (g.x + g.y * 65535u) * 256u + i;
  let first = max(to, word << 2u);
  let last = min(to + bytes, (word << 2u) + 4u);
  if (first >= last) { return; }
  let source = begin + first - to;
  let shift = (source & 3u) * 8u;
  var value = heap[source >> 2u] >> shift;
  if (shift > 0u && (source >> 2u) != ((source + last - first - 1u) >> 2u)) { value |= heap[(source >> 2u) + 1u] << (32u - shift); }
  if (last - first == 4u) { heap[word] = value; return; }
  let place = (first & 3u) * 8u;
  let mask = ((1u << ((last - first) * 8u)) - 1u) << place;
  heap[word] = (heap[word] & ~mask) | ((value << place) & mask);
}`;
/** Workgroups of a copy, wherever it begins. */
export const copyGroups = (bytes: number): number => (bytes === 0 ? 0 : Math.ceil((bytes + 3) / 1024));

/** Parameters: address in bytes of what is tested, cases (0: a bool, else an i32 that is clamped to them), the case; flags of the parent region and of this one;
 *  first word of the sizes in control memory, first of the indirect arguments, how many words. A region is on when its parent is and the test holds; the arguments are then the sizes, else zero. */
export const GATE: string = `${BINDINGS(2)}
@group(0) @binding(2) var<storage, read_write> control: array<u32>;
var<workgroup> flag: u32;
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) i: u32) {
  if (i == 0u) {
    let word = heap[p[0].x >> 2u];
    var holds = ((word >> ((p[0].x & 3u) * 8u)) & 0xffu) != 0u;
    if (p[0].y > 0u) { holds = u32(clamp(bitcast<i32>(word), 0, i32(p[0].y) - 1)) == p[0].z; }
    flag = select(0u, 1u, holds && control[p[0].w] != 0u);
  }
  let on = workgroupUniformLoad(&flag);
  if (i == 0u) { control[p[1].x] = on; }
  for (var k = i; k < p[1].w; k += 64u) { control[p[1].z + k] = control[p[1].y + k] * on; }
}`;
