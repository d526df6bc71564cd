// What the page shows of a snapshot: curves, numbers, continuations. It draws; it decides nothing.
import * as Plot from "@observablehq/plot";
import type { Run, Snapshot } from "./session.ts";

/** One color a method, readable on white. */
export const colors = { adamw: "#4269d0", sam: "#ff725c", fsam: "#2a9d5c", pfsam: "#a463f2" } as const;

/** Losses so far: every step thin, the held-out text thick. */
export function drawCurves(into: HTMLElement, { runs }: Snapshot): void {
  const points = (pick: (r: Run) => Run["train"]): { step: number; loss: number; title: string }[] =>
    runs.flatMap(r => thin(pick(r)).map(p => ({ ...p, title: r.title })));
  const chart = Plot.plot({
    width: Math.max(320, into.clientWidth),
    height: 300,
    x: { label: "step" },
    y: { label: "loss, nats a character", grid: true },
    color: { domain: runs.map(r => r.title), range: runs.map(r => colors[r.method]), legend: true },
    marks: [
      Plot.lineY(
        points(r => r.train),
        { x: "step", y: "loss", z: "title", stroke: "title", strokeWidth: 1, strokeOpacity: 0.45 },
      ),
      Plot.lineY(
        points(r => r.heldOut),
        { x: "step", y: "loss", z: "title", stroke: "title", strokeWidth: 2.5 },
      ),
    ],
  });
  into.replaceChildren(chart);
}
/** At most 400 points of a line. */
const thin = (line: Run["train"]): Run["train"] => {
  const every = Math.ceil(line.length / 400);
  return every <= 1 ? line : line.filter((_, i) => i % every === 0 || i === line.length - 1);
};

const cell = (tag: "td" | "th", text: string): HTMLElement => {
  const e = document.createElement(tag);
  e.textContent = text;
  return e;
};
const number = (x: number | undefined, digits: number): string => (x === undefined || !Number.isFinite(x) ? "–" : x.toFixed(digits));
/** The table of methods. */
export function drawTable(into: HTMLElement, { runs }: Snapshot): void {
  const head = ["method", "train loss", "held out", "λ_max", "path through the logits", "through the function", "ms a step"];
  const rows = runs.map(r => {
    const recent = r.train.slice(-20),
      mean = recent.reduce((s, p) => s + p.loss, 0) / recent.length;
    return [
      r.title,
      number(mean, 3),
      number(r.heldOut.at(-1)?.loss, 3),
      number(r.sharpness?.lambdaMax, 1),
      number(r.sharpness?.logitShare, 2),
      number(r.sharpness?.functionalShare, 2),
      number(r.msPerStep, 1),
    ];
  });
  const line = (cells: readonly string[], tag: "td" | "th"): HTMLElement => {
    const tr = document.createElement("tr");
    tr.append(...cells.map(c => cell(tag, c)));
    return tr;
  };
  into.replaceChildren(line(head, "th"), ...rows.map(r => line(r, "td")));
}
/** What each model writes. */
export function drawSamples(into: HTMLElement, { runs }: Snapshot): void {
  into.replaceChildren(
    ...runs.flatMap(r => {
      const title = document.createElement("h3"),
        text = document.createElement("p");
      title.textContent = r.title;
      title.style.color = colors[r.method];
      text.textContent = r.sample === "" ? "…" : r.sample;
      return [title, text];
    }),
  );
}
