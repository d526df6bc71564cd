// The report: one HTML file that needs nothing else, with the curves, the table, the configuration and what each model writes.
// It returns text; writing the file is its caller's work.
import { methodTitle, type Config, type RunResult, type Summary } from "./config.ts";
import { methodColor, pathChart, sharpnessChart, trainChart, validationChart } from "./charts.ts";
import { html, trusted, type Html } from "./html.ts";
import { columns } from "./table.ts";

/** The whole page. All text is escaped; no script, no style, font or picture from elsewhere. */
export function renderReport(summary: Summary): string {
  const { config, results, interrupted } = summary;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>GPT on the State of the Union: ${config.methods.map(method => methodTitle[method]).join(", ")}</title>
<style>${style}</style>
</head>
<body>
<h1>A GPT on the State of the Union</h1>
<p>A decoder with ${summary.parameters.toLocaleString("en")} parameters, trained on the characters of the speeches to 1980 with each method below:
same initial parameters, same batches, equal steps.</p>
${interrupted ? html`<p class="notice">This run was interrupted: it shows what was done until then.</p>\n` : ""}<h2>Results</h2>
${resultTable(results)}
${legend(results)}
${figure("Training loss", "Every step faintly, and a moving average.", trainChart(results))}
${figure("Validation loss", "Circles and solid lines: held-out speeches to 1980. Triangles and dashed lines: speeches after 1980.", validationChart(results))}
${figure("Sharpness", "Largest eigenvalue of the Hessian on one fixed training batch, at the end of each run.", sharpnessChart(results))}
${figure("The two paths of SAM's step", "Solid: through the logits. Pale: through the function. The two add up to 100%.", pathChart(results))}
${samples(results)}
<h2>Configuration</h2>
${configuration(summary)}
</body>
</html>
`.markup;
}

function resultTable(results: readonly RunResult[]): Html {
  return html`<div class="scroll"><table>
<thead><tr>${columns.map(column => html`<th scope="col" title="${column.about}">${column.title}</th>`)}</tr></thead>
<tbody>
${results.map(run => html`<tr>${columns.map((column, i) => (i === 0 ? html`<th scope="row">${column.cell(run)}</th>` : html`<td>${column.cell(run)}</td>`))}</tr>\n`)}</tbody>
</table></div>
<dl class="columns">${columns.slice(2).map(column => html`<dt>${column.title}</dt><dd>${column.about}</dd>`)}</dl>`;
}

function legend(results: readonly RunResult[]): Html {
  return html`<p class="legend">${results.map(({ method }) => html`<span><i style="background:${methodColor[method]}"></i>${methodTitle[method]}</span> `)}</p>`;
}

function figure(title: string, caption: string, svg: string | undefined): Html {
  const picture = svg === undefined ? html`<p>Not measured in this run.</p>` : trusted(svg);
  return html`<figure><h2>${title}</h2>${picture}<figcaption>${caption}</figcaption></figure>`;
}

function samples(results: readonly RunResult[]): Html {
  const written = results.flatMap(run =>
    run.sample === undefined ? [] : [html`<h3>${methodTitle[run.method]}</h3><blockquote>${run.sample}</blockquote>\n`],
  );
  return written.length === 0 ? html`` : html`<h2>What the models write</h2>\n${written}`;
}

function configuration({ config, vocabulary, characters }: Summary): Html {
  const rows: readonly (readonly [string, string])[] = [
    ...(Object.keys(config) as (keyof Config)[]).map(key => [key, String(config[key])] as const), // a Config has no other keys
    ["vocabulary", `${vocabulary} characters`],
    ["training text", `${characters.train.toLocaleString("en")} characters`],
    ["held-out text", `${characters.heldOut.toLocaleString("en")} characters`],
    ["text after 1980", `${characters.after1980.toLocaleString("en")} characters`],
  ];
  return html`<table class="configuration"><tbody>${rows.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</tbody></table>`;
}

const style = trusted(`
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 900px; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { padding: 4px 10px; border-bottom: 1px solid #8886; text-align: right; font-weight: normal; }
thead th { font-weight: 600; vertical-align: bottom; }
tr > :first-child, .configuration td { text-align: left; }
.scroll { overflow-x: auto; }
.notice { border-left: 4px solid #d55e00; padding-left: 12px; }
.columns { font-size: 13px; opacity: .8; display: grid; grid-template-columns: max-content 1fr; gap: 0 12px; }
.columns dd { margin: 0; }
.legend i { display: inline-block; width: 12px; height: 12px; margin: 0 6px 0 0; } .legend span { margin-right: 16px; }
figure { margin: 2rem 0; } figure svg { max-width: 100%; height: auto; } figcaption { font-size: 13px; opacity: .8; }
blockquote { white-space: pre-wrap; overflow-wrap: anywhere; border-left: 4px solid #8886; margin: 0; padding-left: 12px; }
`);
