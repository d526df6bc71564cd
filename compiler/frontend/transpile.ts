// A TypeScript module as JavaScript: tensor scopes rewritten, types taken out, one map from the result to the user's text. Pure.
import { RewriteError } from "./diagnostics.ts";
import type { RawSourceMap } from "./edits.ts";
import { rewrite, type RewriteOptions } from "./rewrite.ts";
import { compose } from "./sourcemaps.ts";
import { ts } from "./typescript.ts";

/** JavaScript and its map to the source, null when nothing was changed. */
export interface JavaScript {
  readonly code: string;
  readonly map: RawSourceMap | null;
}
/** Does the name say TypeScript? */
export const isTypeScript = (fileName: string): boolean => /\.m?tsx?$/.test(fileName);

/** The module in `source` as JavaScript that Node 20 and later run. `fileName` (a path or a URL) is what stack traces will show. @throws RewriteError */
export function toJavaScript(source: string, fileName: string, options: RewriteOptions = {}): JavaScript {
  const { code, map, diagnostics } = rewrite(source, fileName, options);
  if (diagnostics.length > 0) throw new RewriteError(diagnostics, source);
  if (!isTypeScript(fileName)) return { code, map };
  const { outputText, sourceMapText } = ts.transpileModule(code, {
    fileName,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      jsx: ts.JsxEmit.ReactJSX,
      sourceMap: true,
      inlineSources: false,
    },
  });
  const emitted = JSON.parse(sourceMapText ?? "{}") as RawSourceMap; // TypeScript's own output, asked for above
  const text = outputText.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, "\n");
  return { code: text, map: map ? compose(emitted, map) : { ...emitted, sources: [fileName], sourcesContent: [source] } };
}
/** The text with its map in a comment, as Node and browsers read it. */
export const withInlineMap = ({ code, map }: JavaScript): string =>
  map === null ? code : `${code}\n//# sourceMappingURL=data:application/json;charset=utf-8;base64,${base64(JSON.stringify(map))}\n`;
const base64 = (text: string): string => {
  let bytes = "";
  for (const b of new TextEncoder().encode(text)) bytes += String.fromCharCode(b);
  return btoa(bytes);
};
