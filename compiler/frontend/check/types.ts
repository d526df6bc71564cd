// What TypeScript's types say about tensors: whether an expression is one, and the shapes of a function's parameters.
import { ts } from "../typescript.ts";

/** A leaf of an argument: dtype and dimensions, names not yet sizes. */
export interface TensorType {
  readonly kind: "tensor";
  readonly dtype: string;
  readonly dims: readonly (number | string)[];
  /** A JavaScript number: its dtype gives way. */
  readonly weak?: boolean;
}
/** What a parameter's type says: a tensor, a tree of tensors, nothing (an optional parameter that is left out). */
export type ArgumentType =
  | TensorType
  | { readonly kind: "object"; readonly fields: readonly (readonly [string, ArgumentType])[] }
  | { readonly kind: "list"; readonly items: readonly ArgumentType[] }
  | { readonly kind: "absent" };

/** Results of operations are `NoInfer<T>`, which is T. */
const withoutNoInfer = (type: ts.Type): ts.Type =>
  (type.flags & ts.TypeFlags.Substitution) === 0 ? type : withoutNoInfer((type as ts.SubstitutionType).baseType); // as its flag says
/** Is this type the library's Tensor? */
export function isTensorType(type: ts.Type): boolean {
  const symbol = withoutNoInfer(type).getSymbol();
  if (symbol?.getName() !== "Tensor") return false;
  return (symbol.getDeclarations() ?? []).some(d => /[\\/]trace[\\/]tensor(\.d)?\.[mc]?ts$/.test(d.getSourceFile().fileName));
}
/** Is an expression of this type always a tensor? `Tensor | undefined` is not: asking whether it is there is fair. */
export const isAlwaysTensor = (type: ts.Type): boolean => (type.isUnion() ? type.types.every(isTensorType) : isTensorType(type));

/** Sizes that no type says: any number. */
export const open = "*";
const depth = 8;
/** What the type says, or a sentence about what it leaves open. */
export function argumentType(written: ts.Type, checker: ts.TypeChecker, level = 0): ArgumentType | string {
  const type = withoutNoInfer(written);
  const said = (): string => checker.typeToString(type);
  if (level > depth) return `${said()} is too deep`;
  if (isTensorType(type)) return tensorType(type, checker);
  if ((type.flags & ts.TypeFlags.Number) !== 0) return { kind: "tensor", dtype: "f32", dims: [], weak: true };
  if ((type.flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Null)) !== 0) return { kind: "absent" };
  if (type.isUnion()) {
    const rest = type.types.filter(t => (t.flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Null)) === 0);
    if (rest.length < type.types.length) return { kind: "absent" };
    return `${said()} is a choice`;
  }
  if (checker.isTupleType(type)) {
    const items = checker.getTypeArguments(type as ts.TypeReference).map(t => argumentType(t, checker, level + 1)); // a tuple is a reference
    const open = items.find(i => typeof i === "string");
    return open ?? { kind: "list", items: items as readonly ArgumentType[] }; // none is a sentence
  }
  if ((type.flags & ts.TypeFlags.Object) === 0 || checker.isArrayType(type) || type.getCallSignatures().length > 0)
    return `${said()} has no shape`;
  const fields: [string, ArgumentType][] = [];
  for (const p of type.getProperties()) {
    if ((p.flags & ts.SymbolFlags.Optional) !== 0) continue;
    const at = p.valueDeclaration ?? p.declarations?.[0];
    const field = at ? argumentType(checker.getTypeOfSymbolAtLocation(p, at), checker, level + 1) : `${p.name} has no declaration`;
    if (typeof field === "string") return `${p.name}: ${field}`;
    fields.push([p.name, field]);
  }
  return { kind: "object", fields };
}
function tensorType(type: ts.Type, checker: ts.TypeChecker): TensorType | string {
  const [shape, dtype] = checker.getTypeArguments(type as ts.TypeReference); // the library's Tensor has two parameters
  const unknown = `${checker.typeToString(type)} says no shape`;
  if (!shape || !checker.isTupleType(shape)) return unknown;
  const dims = checker.getTypeArguments(shape as ts.TypeReference).map(d => (d.isNumberLiteral() || d.isStringLiteral() ? d.value : open)); // a tuple is a reference
  return { kind: "tensor", dims, dtype: dtype?.isStringLiteral() ? dtype.value : "f32" };
}
