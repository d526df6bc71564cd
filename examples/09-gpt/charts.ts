// The report's pictures, as SVG text: training and validation curves, λ_max, and the two paths of SAM's step. One function a picture.
// It draws what it is given and computes nothing but a moving average for the eye.
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { methods, methodTitle, type Method, type RunResult } from "./config.ts";

/** One colour a method (Okabe and Ito's palette, told apart by colour-blind readers), the same in every picture. */
export const methodColor: { readonly [M in Method]: string } = { adamw: "#0072b2", sam: "#d55e00", fsam: "#009e73", pfsam: "#cc79a7" };

const color = { domain: [...methods], range: methods.map(method => methodColor[method]) };
const size = { width: 860, height: 320, marginLeft: 56 };

/** Training loss over steps: every step faintly, and a centred moving average over a twentieth of the run. Undefined without any step. */
export function trainChart(results: readonly RunResult[]): string | undefined {
  const rows = results.flatMap(({ method, train }) => train.map(point => ({ method, ...point })));
  if (rows.length === 0) return undefined;
  const k = Math.max(1, Math.round(Math.max(...results.map(run => run.train.length)) / 20));
  return draw({
    ...size,
    color,
    x: { label: "step" },
    y: { label: "train loss (nats a character)", grid: true },
    marks: [
      Plot.line(rows, { x: "step", y: "loss", stroke: "method", strokeOpacity: 0.25, strokeWidth: 1 }),
      Plot.line(rows, Plot.windowY({ k, anchor: "middle", strict: false }, { x: "step", y: "loss", stroke: "method", strokeWidth: 2 })),
    ],
  });
}

/** Validation losses over steps: held-out speeches as filled circles on solid lines, speeches after 1980 as hollow triangles on dashed lines. Undefined without any evaluation. */
export function validationChart(results: readonly RunResult[]): string | undefined {
  const rows = results.flatMap(({ method, validation }) => validation.map(point => ({ method, ...point })));
  if (rows.length === 0) return undefined;
  return draw({
    ...size,
    color,
    x: { label: "step" },
    y: { label: "validation loss (nats a character)", grid: true },
    marks: [
      Plot.line(rows, { x: "step", y: "heldOut", stroke: "method" }),
      Plot.dot(rows, { x: "step", y: "heldOut", fill: "method", r: 3.5 }),
      Plot.line(rows, { x: "step", y: "after1980", stroke: "method", strokeDasharray: "5,4" }),
      Plot.dot(rows, { x: "step", y: "after1980", stroke: "method", symbol: "triangle", r: 3.5 }),
    ],
  });
}

/** λ_max of the Hessian at the end of each run. Undefined where no run measured it. */
export function sharpnessChart(results: readonly RunResult[]): string | undefined {
  const rows = results.flatMap(({ method, sharpness }) =>
    sharpness === undefined ? [] : [{ method, title: methodTitle[method], lambda: sharpness.lambdaMax }],
  );
  if (rows.length === 0) return undefined;
  return draw({
    width: size.width,
    height: 60 + 34 * rows.length,
    marginLeft: 210,
    color,
    x: { label: "λ_max", grid: true },
    y: { label: null, domain: rows.map(row => row.title) },
    marks: [Plot.barX(rows, { x: "lambda", y: "title", fill: "method" }), Plot.ruleX([0])],
  });
}

/** Shares of SAM's correction along the logit path (solid) and the functional path (pale), one pair of bars a method. Undefined where no run measured them. */
export function pathChart(results: readonly RunResult[]): string | undefined {
  const rows = results.flatMap(({ method, sharpness }) =>
    sharpness === undefined
      ? []
      : [
          { method, title: methodTitle[method], path: "logit path", share: 100 * sharpness.logitShare, opacity: 1 },
          { method, title: methodTitle[method], path: "functional path", share: 100 * sharpness.functionalShare, opacity: 0.5 },
        ],
  );
  if (rows.length === 0) return undefined;
  return draw({
    width: size.width,
    height: 60 + 24 * rows.length,
    marginLeft: 210,
    marginRight: 100,
    color,
    x: { label: "share of SAM's correction (%)", grid: true },
    y: { label: null, axis: "right", domain: ["logit path", "functional path"] },
    fy: { label: null, axis: "left", domain: [...new Set(rows.map(row => row.title))] },
    marks: [Plot.barX(rows, { x: "share", y: "path", fy: "title", fill: "method", fillOpacity: "opacity" }), Plot.ruleX([0])],
  });
}

function draw(options: Plot.PlotOptions): string {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const svg = Plot.plot({ ...options, opacity: { type: "identity" }, document });
  // inside an HTML page an svg element needs no namespace declaration, and without one the page names no other site
  return svg.outerHTML.replace(/ xmlns(:\w+)?="[^"]*"/g, "");
}
