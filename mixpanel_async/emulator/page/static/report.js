// Segmentation reports, computed by the same code that answers the Query API.

import { choice, count, el, field, later, plural } from "./dom.js";
import { call } from "./api.js";
import { bars, lines, table } from "./chart.js";

const MOST_SEGMENTS = 8;
const MOST_LABELS = 2000;
const DAY_MS = 86_400_000;
const KINDS = [["general", "Total events"], ["unique", "Unique users"], ["average", "Average for each user"]];

export class ReportView {
  constructor() {
    this.project = { id: 1, timezone: "UTC" };
    this.isReady = false;
    this.names = [];
    this.asked = 0;
    this.event = el("select", { id: "report-event", onchange: () => this.onEvent() });
    this.on = el("select", { id: "report-on" });
    this.unit = choice({ id: "report-unit" }, ["hour", "day", "month"]);
    this.kind = choice({ id: "report-kind" }, KINDS);
    this.from = el("input", { type: "date", id: "report-from" });
    this.to = el("input", { type: "date", id: "report-to" });
    this.form = el(
      "form",
      { class: "bar", onsubmit: (event) => event.preventDefault(), onchange: later(50, () => this.draw()) },
      field("Event", this.event),
      field("Segment by", this.on),
      field("Count", this.kind),
      field("From", this.from),
      field("To", this.to),
      field("Unit", this.unit),
      el("button", { type: "button", onclick: () => this.open(true) }, "Refresh"),
    );
    this.result = el("div", { id: "report-result", "aria-live": "off" });
    this.node = el("section", { id: "view-reports", class: "view scrolls", "aria-label": "Reports", hidden: true }, this.form, this.result);
  }

  setProject(project) {
    this.project = project;
    this.isReady = false;
  }

  /** Fill the choices when the section is opened for the first time, or again on request. */
  async open(again = false) {
    if (this.isReady && !again) return;
    try {
      await this.fill();
      await this.draw();
    } catch (error) {
      this.say(error.message);
    }
  }

  async fill() {
    this.names = await call("/_admin/names", { query: { project: this.project.id } });
    if (!this.names.length) {
      this.isReady = false;
      this.event.replaceChildren();
      this.say("There are no events to count yet.");
      return;
    }
    const chosen = this.event.value;
    this.event.replaceChildren(...this.names.map((one) => el("option", { value: one.event }, `${one.event} (${count(one.count)})`)));
    const known = this.names.find((one) => one.event === chosen) ?? this.names[0];
    this.event.value = known.event;
    if (!this.isReady) this.setSpan(known);
    this.isReady = true;
    await this.fillProperties();
  }

  setSpan({ first_ms: first, last_ms: last }) {
    const day = new Intl.DateTimeFormat("en-CA", { timeZone: this.project.timezone, year: "numeric", month: "2-digit", day: "2-digit" });
    this.from.value = day.format(first);
    this.to.value = day.format(last);
    this.unit.value = last - first > 120 * DAY_MS ? "month" : last - first > DAY_MS ? "day" : "hour";
  }

  async fillProperties() {
    const query = { project_id: this.project.id, event: this.event.value, limit: 200 };
    const top = await call("/_admin/query/events/properties/top", { query });
    const chosen = this.on.value;
    const names = Object.keys(top).sort();
    this.on.replaceChildren(el("option", { value: "" }, "(nothing)"), ...names.map((name) => el("option", { value: name }, name)));
    this.on.value = names.includes(chosen) ? chosen : "";
  }

  async onEvent() {
    const known = this.names.find((one) => one.event === this.event.value);
    if (known) this.setSpan(known);
    try {
      await this.fillProperties();
      await this.draw();
    } catch (error) {
      this.say(error.message);
    }
  }

  async draw() {
    if (!this.isReady || !this.from.value || !this.to.value) return;
    this.asked += 1;
    const asked = this.asked;
    const on = this.on.value;
    const query = {
      project_id: this.project.id,
      event: this.event.value,
      from_date: this.from.value,
      to_date: this.to.value,
      unit: this.unit.value,
      type: this.kind.value,
      limit: MOST_SEGMENTS,
      on: on ? `properties[${JSON.stringify(on)}]` : "",
    };
    try {
      const report = await call("/_admin/query/segmentation", { query });
      if (asked === this.asked) this.paint(report, on);
    } catch (error) {
      if (asked === this.asked) this.say(error.message);
    }
  }

  paint({ data }, on) {
    const length = { month: 7, day: 10, hour: 16 }[this.unit.value];
    const labels = data.series.map((label) => label.slice(0, length));
    const segments = Object.entries(data.values).map(([name, values]) => {
      const own = data.series.map((label) => values[label] ?? 0);
      return { name, values: own, total: own.reduce((sum, one) => sum + one, 0) };
    });
    segments.sort((one, other) => other.total - one.total);
    if (!segments.length) {
      this.say("No event matches.");
      return;
    }
    if (labels.length > MOST_LABELS) {
      this.say(`${count(labels.length)} points are too many to draw; choose a larger unit or fewer days.`);
      return;
    }
    const title = `${this.event.value}${on ? ` by ${on}` : ""}, ${this.kind.selectedOptions[0].text.toLowerCase()} by ${this.unit.value}`;
    const note = segments.length === MOST_SEGMENTS ? `The ${MOST_SEGMENTS} most frequent values are shown.` : plural(segments.length, "series", "series");
    this.result.replaceChildren(
      el("h2", {}, title),
      lines(title, labels, segments, Math.max(320, this.result.clientWidth)),
      el("p", { class: "muted" }, note),
      bars(segments),
      el("details", {}, el("summary", {}, "Values as a table"), el("div", { class: "scrolls" }, table(labels, segments))),
    );
  }

  say(text) {
    this.result.replaceChildren(el("p", { class: "empty" }, text));
  }
}
