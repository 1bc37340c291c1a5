// Charts, drawn by hand as SVG. The colours are in the style sheet.

import { count, el, svg } from "./dom.js";

const HEIGHT = 300;
const EDGE = { left: 64, right: 12, top: 12, bottom: 28 };

const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** Round steps for an axis from 0 to at least `most`. */
export function ticks(most, wanted = 4) {
  const raw = Math.max(most, 1) / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= raw);
  return Array.from({ length: Math.ceil(Math.max(most, 1) / step) + 1 }, (_, index) => index * step);
}

/**
 * A line for each segment over time.
 *
 * labels: the times; segments: [{name, values (one for each label), total}]; width: in pixels, so that texts have their size.
 */
export function lines(title, labels, segments, width) {
  const most = Math.max(...segments.flatMap((one) => one.values), 0);
  const steps = ticks(most);
  const top = steps.at(-1);
  const [inner, tall] = [width - EDGE.left - EDGE.right, HEIGHT - EDGE.top - EDGE.bottom];
  const x = (index) => EDGE.left + (labels.length < 2 ? inner / 2 : (index / (labels.length - 1)) * inner);
  const y = (value) => EDGE.top + tall - (value / top) * tall;
  const chart = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, class: "chart", role: "img", "aria-label": title });
  for (const step of steps) {
    chart.append(
      svg("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(step), y2: y(step) }),
      svg("text", { class: "tick", x: EDGE.left - 8, y: y(step) + 4, "text-anchor": "end" }, short.format(step)),
    );
  }
  const every = Math.max(1, Math.ceil(labels.length / Math.max(2, Math.floor(width / 110))));
  for (let index = 0; index < labels.length; index += every) {
    const anchor = x(index) > width - 60 ? "end" : "middle";
    chart.append(svg("text", { class: "tick", x: x(index), y: HEIGHT - 8, "text-anchor": anchor }, labels[index]));
  }
  segments.forEach(({ values }, number) => {
    const path = values.map((value, index) => `${index ? "L" : "M"}${x(index).toFixed(1)} ${y(value).toFixed(1)}`).join("");
    chart.append(svg("path", { class: `series series-${number}`, d: path }));
    if (labels.length <= 40) {
      values.forEach((value, index) => chart.append(svg("circle", { class: `point point-${number}`, cx: x(index), cy: y(value), r: 3 })));
    }
  });
  const cursor = svg("line", { class: "cursor", y1: EDGE.top, y2: EDGE.top + tall, x1: -9, x2: -9 });
  chart.append(cursor);
  const told = el("p", { class: "told muted" }, "Point at the chart to read its values; the table below has them all.");
  chart.addEventListener("pointermove", (event) => {
    const box = chart.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * width;
    const index = Math.max(0, Math.min(labels.length - 1, Math.round(((at - EDGE.left) / inner) * (labels.length - 1))));
    cursor.setAttribute("x1", x(index));
    cursor.setAttribute("x2", x(index));
    told.textContent = `${labels[index]}: ${segments.map((one) => `${one.name} ${count(one.values[index])}`).join(", ")}`;
  });
  return el("div", {}, chart, told);
}

/** A bar for each segment, with its total. */
export function bars(segments) {
  const most = Math.max(...segments.map((one) => one.total), 1);
  const rows = segments.map((one, number) => {
    const bar = svg("rect", { class: `fill-${number}`, x: 0, y: 0, height: 10, width: Math.max((one.total / most) * 100, 0.5) });
    return el(
      "li",
      {},
      el("span", { class: "name" }, one.name),
      svg("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" }, bar),
      el("span", { class: "total" }, count(one.total)),
    );
  });
  return el("ul", { class: "bars", "aria-label": "Totals" }, ...rows);
}

/** The same values as a table. */
export function table(labels, segments) {
  const head = el("tr", {}, el("th", { scope: "col" }, "Time"), ...segments.map((one) => el("th", { scope: "col" }, one.name)));
  const rows = labels.map((label, index) =>
    el("tr", {}, el("th", { scope: "row" }, label), ...segments.map((one) => el("td", {}, count(one.values[index])))),
  );
  return el("table", { class: "values" }, el("thead", {}, head), el("tbody", {}, ...rows));
}

/** Small bars of the last numbers, the newest at the right. */
export class Pulse {
  constructor(places) {
    this.values = new Array(places).fill(0);
    this.node = svg("svg", { viewBox: `0 0 ${places * 3} 24`, class: "pulse-chart", preserveAspectRatio: "none", "aria-hidden": "true" });
    this.bars = this.values.map((_, index) => svg("rect", { x: index * 3, width: 2, y: 24, height: 0 }));
    this.node.append(...this.bars);
  }

  push(value) {
    this.values.shift();
    this.values.push(value);
    const most = Math.max(...this.values, 1);
    this.values.forEach((one, index) => {
      const height = one ? Math.max(1.5, (one / most) * 24) : 0;
      this.bars[index].setAttribute("height", height);
      this.bars[index].setAttribute("y", 24 - height);
    });
  }
}
