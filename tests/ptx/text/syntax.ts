// The grammar of a PTX module, as data. Names are not resolved yet; every node knows its line.

/** What an instruction works on. `pair` is `p|q`, `address` is `[base+offset]` or, of tensors, `[base, {coordinates}]`. */
export type Operand =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "integer"; readonly value: bigint }
  | { readonly kind: "float"; readonly bits: bigint; readonly width: 32 | 64 }
  | { readonly kind: "decimal"; readonly value: number }
  | { readonly kind: "vector"; readonly parts: readonly Operand[] }
  | { readonly kind: "address"; readonly base: Operand; readonly offset: bigint; readonly coordinates: Operand | undefined }
  | { readonly kind: "pair"; readonly first: Operand; readonly second: Operand }
  | { readonly kind: "not"; readonly of: Operand }
  | { readonly kind: "sink" };

/** `@p op.mods operands;` */
export interface Instruction {
  readonly kind: "instruction";
  readonly line: number;
  readonly guard: { readonly name: string; readonly negated: boolean } | undefined;
  readonly op: string;
  readonly mods: readonly string[];
  readonly operands: readonly Operand[];
  readonly text: string;
}
/** Memory with a name. `bytes` 0: dynamic shared memory. */
export interface MemoryDeclaration {
  readonly kind: "memory";
  readonly line: number;
  readonly space: "shared" | "local" | "global" | "const" | "param";
  readonly name: string;
  readonly align: number;
  readonly bytes: number;
  readonly dynamic: boolean;
}
/** A statement of a body. */
export type Statement =
  | Instruction
  | MemoryDeclaration
  | { readonly kind: "registers"; readonly line: number; readonly type: string; readonly names: readonly string[] }
  | { readonly kind: "label"; readonly line: number; readonly name: string }
  | { readonly kind: "block"; readonly line: number; readonly body: readonly Statement[] };

/** A kernel. */
export interface EntryText {
  readonly line: number;
  readonly name: string;
  readonly params: readonly MemoryDeclaration[];
  readonly directives: ReadonlyMap<string, readonly number[]>;
  readonly body: readonly Statement[];
}
/** A module. */
export interface ModuleText {
  readonly version: number;
  readonly target: string;
  readonly memory: readonly MemoryDeclaration[];
  readonly entries: readonly EntryText[];
}

/** Bytes of a fundamental type. */
export const TYPE_BYTES: Readonly<Record<string, number>> = {
  pred: 0,
  b8: 1,
  s8: 1,
  u8: 1,
  b16: 2,
  s16: 2,
  u16: 2,
  f16: 2,
  bf16: 2,
  b32: 4,
  s32: 4,
  u32: 4,
  f32: 4,
  tf32: 4,
  f16x2: 4,
  bf16x2: 4,
  b64: 8,
  s64: 8,
  u64: 8,
  f64: 8,
  f32x2: 8,
  b128: 16,
};
