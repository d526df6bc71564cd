// Text to HTML without a way to forget escaping: whatever is put into an `html` template is text unless it is itself `Html`.

/** A piece of markup that is safe to put into a page. Only `html` and `trusted` make one. */
export class Html {
  readonly markup: string;
  constructor(markup: string) {
    this.markup = markup;
  }
}

/** What a template takes: markup, text, numbers, or lists of those. */
export type Content = Html | string | number | readonly Content[];

/** A template whose holes are escaped, for element content and for attribute values in double quotes. */
export function html(parts: TemplateStringsArray, ...holes: readonly Content[]): Html {
  return new Html(parts.map((part, i) => (i === 0 ? part : toMarkup(holes[i - 1] ?? "") + part)).join(""));
}

/** Markup made by code that escapes for itself, taken as it is. */
export const trusted = (markup: string): Html => new Html(markup);

function toMarkup(content: Content): string {
  if (content instanceof Html) return content.markup;
  if (typeof content === "string" || typeof content === "number") return escape(String(content));
  return content.map(toMarkup).join("");
}

const entities: { readonly [character: string]: string } = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escape = (text: string): string => text.replace(/[&<>"']/g, character => entities[character] ?? character);
