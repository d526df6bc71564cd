import { parseHTML } from "linkedom";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { defaults, finalTrainLoss, methods, type RunResult, type Summary } from "../../examples/09-gpt/config.ts";
import { methodColor } from "../../examples/09-gpt/charts.ts";
import { html } from "../../examples/09-gpt/html.ts";
import { renderReport } from "../../examples/09-gpt/report.ts";
import { columns, renderTable } from "../../examples/09-gpt/table.ts";

const results: readonly RunResult[] = methods.map((method, m) => ({
  method,
  train: Array.from({ length: 40 }, (_, i) => ({ step: i + 1, loss: 1.5 + 3 * Math.exp(-i / 10) + m / 100 })),
  validation: [
    { step: 20, heldOut: 2.5, after1980: 2.75 },
    { step: 40, heldOut: 2.125 + m / 100, after1980: 2.25 + m / 100 },
  ],
  sharpness: { lambdaMax: 12.3456 + m, logitShare: 1.25, functionalShare: -0.25 },
  msPerStep: 33.33,
  sample: `The state of the <Union> & "${method}"`,
}));
const summary: Summary = {
  config: defaults,
  results,
  interrupted: false,
  parameters: 123456,
  vocabulary: 88,
  characters: { train: 8_000_000, heldOut: 900_000, after1980: 1_500_000 },
};
const nothing: Summary = {
  ...summary,
  interrupted: true,
  results: [{ method: "sam", train: [], validation: [], sharpness: undefined, msPerStep: undefined, sample: undefined }],
};
const pageOf = (s: Summary): Document => parseHTML(renderReport(s)).document;

test("the final train loss is the mean over the last tenth of the steps", () => {
  const train = Array.from({ length: 20 }, (_, i) => ({ step: i + 1, loss: i }));
  const [run] = results;
  assert.ok(run);
  assert.is(finalTrainLoss({ ...run, train }), 18.5);
  assert.is(finalTrainLoss({ ...run, train: train.slice(0, 3) }), 2);
  assert.is(finalTrainLoss({ ...run, train: [] }), undefined);
});

test("the report draws four pictures, with a curve in each method's colour", () => {
  const figures = [...pageOf(summary).querySelectorAll("figure")];
  assert.equal(
    figures.map(figure => figure.querySelectorAll("svg").length),
    [1, 1, 1, 1],
  );
  const [train, validation, sharpness, paths] = figures.map(figure => figure.querySelector("svg"));
  assert.ok(train && validation && sharpness && paths);
  for (const method of methods) {
    assert.is(train.querySelectorAll(`path[stroke="${methodColor[method]}"]`).length, 2, "every step, and the average");
    assert.is(validation.querySelectorAll(`path[stroke="${methodColor[method]}"][d]`).length, 4, "two lines and two triangles");
    assert.is(validation.querySelectorAll(`circle[fill="${methodColor[method]}"]`).length, 2);
    assert.is(sharpness.querySelectorAll(`rect[fill="${methodColor[method]}"]`).length, 1);
    assert.is(paths.querySelectorAll(`rect[fill="${methodColor[method]}"]`).length, 2);
  }
});

test("the report needs nothing from outside", () => {
  const text = renderReport(summary);
  assert.not.match(text, /https?:/);
  assert.is(pageOf(summary).querySelectorAll("script, link, img, iframe, [src], [href]").length, 0);
  assert.not.match(text, /url\(|@import/);
});

test("text is escaped wherever it stands", () => {
  const hostile = '</style><script>alert("1")</script>';
  const page = pageOf({
    ...summary,
    config: { ...defaults, sample: hostile, out: hostile },
    results: results.map(run => ({ ...run, sample: hostile })),
  });
  assert.is(page.querySelectorAll("script").length, 0);
  assert.is(page.querySelector("blockquote")?.textContent, hostile);
  assert.is(html`<p title="${`a"b`}">${["<", html`<b>${"&"}</b>`, 3]}${"'"}</p>`.markup, '<p title="a&quot;b">&lt;<b>&amp;</b>3&#39;</p>');
});

test("the report shows the table, the configuration and what each model writes", () => {
  const page = pageOf(summary);
  const rows = [...page.querySelectorAll(".scroll tbody tr")].map(row => [...row.children].map(cell => cell.textContent));
  assert.equal(rows[1], ["SAM", "40", "1.5810", "2.1350", "2.2600", "13.35", "125%", "-25%", "33.3"]);
  const configuration = Object.fromEntries(
    [...page.querySelectorAll(".configuration tr")].map(row => [row.children[0]?.textContent, row.children[1]?.textContent]),
  );
  assert.is(configuration["steps"], String(defaults.steps));
  assert.is(configuration["methods"], "adamw,sam,fsam,pfsam");
  assert.is(configuration["vocabulary"], "88 characters");
  assert.equal(
    [...page.querySelectorAll("blockquote")].map(quote => quote.textContent),
    results.map(run => run.sample),
  );
  assert.is(page.querySelector(".notice"), null);
});

test("a run that was interrupted before anything was measured still makes a report that says so", () => {
  const page = pageOf(nothing);
  assert.match(page.querySelector(".notice")?.textContent ?? "", /interrupted/);
  assert.is(page.querySelectorAll("svg").length, 0);
  assert.is([...page.querySelectorAll("figure")].filter(figure => figure.textContent?.includes("Not measured")).length, 4);
  assert.equal(
    [...page.querySelectorAll(".scroll tbody tr > *")].map(cell => cell.textContent),
    ["SAM", "0", "–", "–", "–", "–", "–", "–", "–"],
  );
});

test("a single step makes a report without NaN in it", () => {
  const [run] = results;
  assert.ok(run);
  const text = renderReport({ ...summary, results: [{ ...run, train: run.train.slice(0, 1), validation: run.validation.slice(0, 1) }] });
  assert.not.match(text, /NaN|undefined/);
});

test("the terminal's table has a row for each method, no colours, and fits 100 columns", () => {
  const text = renderTable(summary);
  assert.not.match(text, /\u001b/);
  assert.ok(text.split("\n").every(line => line.length <= 100));
  assert.match(text, /│ SAM +│ +40 │ +1\.5810 │ +2\.1350 │ +2\.2600 │ 13\.35 │ +125% │ +-25% │ +33\.3 │/);
  for (const column of columns) for (const word of column.title.split(" ")) assert.ok(text.includes(word), word);
});

test("an interrupted table shows dashes for what was not measured", () => {
  assert.match(renderTable(nothing), /│ SAM +│ +0 │ +– │ +– │ +– │ +– │ +– │ +– │ +– │/);
});

test.run();
