// What changes the server: faults, limits, files to store, and the reset.

import { announce, ask, choice, count, el, field, plural } from "./dom.js";
import { call, send } from "./api.js";

const KINDS = [
  ["status", "Status: the request fails with an HTTP status"],
  ["delay", "Delay: the reply comes late"],
  ["hang", "Hang: no reply comes"],
  ["reset_before", "Reset before: nothing is stored"],
  ["reset_after", "Reset after: the records are stored"],
  ["truncate", "Truncate: the reply is cut"],
  ["garbage_body", "Garbage: a reply that is not JSON"],
  ["count_mismatch", "Miscount: one record too few is reported"],
  ["partial", "Partial: the first record is rejected"],
];
const PATHS = ["*", "/track", "/import", "/engage", "/groups", "/api/2.0/export", "/api/query/*", "/flags*"];
const LIMITS = {
  events_per_minute: "Events a minute",
  bytes_per_minute: "Bytes a minute",
  concurrency: "Concurrent requests",
  query_per_hour: "Queries an hour",
  query_concurrency: "Concurrent queries",
  export_per_second: "Exports a second",
  export_per_hour: "Exports an hour",
  export_concurrency: "Concurrent exports",
  max_batch_records: "Records in a request",
  max_batch_bytes: "Bytes in a request",
  schemas_per_minute: "Schema calls a minute",
  schemas_entities_per_minute: "Schemas a minute",
  schemas_max_deletions: "Schemas in a deletion",
  gdpr_per_second: "GDPR calls a second",
};
const OFTEN = 4;
// The server needs a number for these.
const isRequired = (name) => name.includes("max_");
const labelOf = (name) => LIMITS[name] ?? name.replaceAll("_", " ").replace(/^./, (first) => first.toUpperCase());

export class ControlView {
  constructor(options) {
    this.options = options;
    this.said = el("p", { class: "said", role: "status" });
    this.armed = el("ul", { class: "armed", "aria-label": "Faults that are switched on" });
    this.shownFaults = null;
    this.shownLimits = null;
    this.node = el(
      "section",
      { id: "view-controls", class: "view scrolls controls", "aria-label": "Controls", hidden: true },
      this.said,
      el("div", { class: "cards" }, this.faultCard(), this.limitCard(), this.seedCard(), this.resetCard()),
    );
  }

  faultCard() {
    this.kind = choice({ id: "fault-kind", onchange: () => this.fitFault() }, KINDS);
    this.path = el("input", { id: "fault-path", value: "*", list: "fault-paths", required: true, autocomplete: "off" });
    this.status = el("input", { id: "fault-status", type: "number", min: 200, max: 599, value: 503 });
    this.seconds = el("input", { id: "fault-seconds", type: "number", min: 0, step: "any", value: 2 });
    this.times = el("input", { id: "fault-times", type: "number", min: 1, value: 1, placeholder: "all" });
    this.statusField = field("Status", this.status);
    this.secondsField = field("Seconds", this.seconds);
    const card = el(
      "section",
      { class: "card" },
      el("h2", {}, "Faults"),
      el("p", { class: "muted" }, "Make the next requests fail, to see what your client does."),
      el(
        "form",
        { id: "fault-form", class: "grid", onsubmit: (event) => this.addFault(event) },
        field("What happens", this.kind),
        field("Path (* is any text)", this.path),
        this.statusField,
        this.secondsField,
        field("Requests (empty: all)", this.times),
        el("datalist", { id: "fault-paths" }, ...PATHS.map((value) => el("option", { value }))),
        el("button", { class: "primary" }, "Switch on"),
      ),
      this.armed,
    );
    this.fitFault();
    return card;
  }

  fitFault() {
    this.statusField.hidden = this.kind.value !== "status";
    this.secondsField.hidden = !["delay", "hang"].includes(this.kind.value);
  }

  async addFault(event) {
    event.preventDefault();
    const kind = this.kind.value;
    const fault = { kind, path: this.path.value, times: this.times.value === "" ? null : Number(this.times.value) };
    if (kind === "status") {
      fault.status = Number(this.status.value);
      if (fault.status === 429) fault.headers = { "Retry-After": "2" };
    }
    if (kind === "delay" || kind === "hang") fault.seconds = this.seconds.value === "" ? null : Number(this.seconds.value);
    if (kind === "partial") fault.indexes = [0];
    await this.act(() => send("/_admin/faults", fault), "The fault is switched on.");
  }

  limitCard() {
    this.limits = {};
    this.limitFields = el("div", { class: "grid" });
    this.moreLimits = el("div", { class: "grid" });
    return el(
      "section",
      { class: "card" },
      el("h2", {}, "Limits"),
      el("p", { class: "muted" }, "Above a limit the server replies with 429 or 413, as Mixpanel does."),
      el(
        "form",
        { id: "limit-form", onsubmit: (event) => this.changeLimits(event) },
        this.limitFields,
        el("details", {}, el("summary", {}, "More limits"), this.moreLimits),
        el("button", { class: "primary" }, "Change the limits"),
      ),
    );
  }

  buildLimits(names) {
    const known = Object.keys(LIMITS).filter((name) => names.includes(name));
    for (const name of [...known, ...names.filter((one) => !known.includes(one))]) {
      const required = isRequired(name);
      const attributes = { id: `limit-${name}`, type: "number", min: 0, placeholder: required ? "" : "no limit", required };
      this.limits[name] = el("input", attributes);
      const place = this.limitFields.childElementCount < OFTEN ? this.limitFields : this.moreLimits;
      place.append(field(labelOf(name), this.limits[name]));
    }
  }

  async changeLimits(event) {
    event.preventDefault();
    const limits = {};
    for (const [name, input] of Object.entries(this.limits)) limits[name] = input.value === "" ? null : Number(input.value);
    await this.act(() => send("/_admin/limits", limits), "The limits are changed.");
    this.shownLimits = null;
  }

  seedCard() {
    const files = el("input", {
      type: "file",
      id: "seed-files",
      multiple: true,
      accept: ".json,.ndjson,.jsonl,.gz",
      onchange: async () => {
        await this.seed([...files.files]);
        files.value = "";
      },
    });
    return el(
      "section",
      { class: "card" },
      el("h2", {}, "Store a file"),
      el("p", { class: "muted" }, "Drop files anywhere on this page: NDJSON or a JSON array of events or profiles, also as .gz. The rules are those of /import."),
      field("Choose files", files),
    );
  }

  async seed(files) {
    const results = [];
    for (const file of files) {
      this.say(`Storing ${file.name} …`);
      try {
        const query = { name: file.name, project: this.options.project() };
        const one = await call("/_admin/seed", { method: "POST", body: file, query });
        const parts = [`${file.name}: ${plural(one.events, "event")} and ${plural(one.profiles, "profile update")} stored`];
        if (one.rejected) parts.push(`${plural(one.rejected, "record")} rejected`);
        if (one.ignored) parts.push(`${plural(one.ignored, "record")} of unknown projects ignored`);
        results.push(parts.join(", "));
      } catch (error) {
        results.push(`${file.name}: ${error.message}`);
      }
    }
    this.say(results.join("; "));
    this.options.onSeed(results.join("; "));
  }

  resetCard() {
    return el(
      "section",
      { class: "card" },
      el("h2", {}, "Reset"),
      el("p", { class: "muted" }, "Delete all events, profiles, requests and faults, and restore the limits."),
      el("button", { type: "button", class: "danger", id: "reset", onclick: () => this.reset() }, "Reset the server …"),
    );
  }

  async reset() {
    const { events } = this.options.counts();
    if (!(await ask(`Delete ${plural(events, "event")} and everything else on this server? This cannot be undone.`, "Delete everything"))) return;
    await this.act(() => call("/_admin/reset", { method: "POST" }), "Everything is deleted.");
  }

  async act(work, done) {
    try {
      await work();
      this.say(done);
    } catch (error) {
      this.say(error.message, true);
    }
  }

  say(text, isBad = false) {
    this.said.textContent = text;
    this.said.classList.toggle("bad", isBad);
    if (this.node.hidden) announce(text);
  }

  /** Show the faults and limits in force; what is being edited is left alone. */
  take(faults, limits) {
    const text = JSON.stringify(faults);
    if (text !== this.shownFaults) {
      this.shownFaults = text;
      this.armed.replaceChildren(...faults.map((fault) => this.faultLine(fault)));
    }
    const wanted = JSON.stringify(limits);
    if (wanted !== this.shownLimits && !this.node.querySelector("#limit-form").contains(document.activeElement)) {
      this.shownLimits = wanted;
      if (!this.limitFields.hasChildNodes()) this.buildLimits(Object.keys(limits));
      for (const [name, input] of Object.entries(this.limits)) input.value = limits[name] ?? "";
    }
  }

  faultLine(fault) {
    const detail = { status: ` ${fault.status}`, delay: ` ${fault.seconds} s`, hang: fault.seconds === null ? "" : ` ${fault.seconds} s` };
    const left = fault.left === null ? "all requests" : `${count(fault.left)} more ${fault.left === 1 ? "request" : "requests"}`;
    const text = `${fault.kind}${detail[fault.kind] ?? ""} for ${left} to ${fault.path}`;
    const off = () => this.act(() => call(`/_admin/faults/${fault.number}`, { method: "DELETE" }), "The fault is switched off.");
    return el("li", {}, el("span", {}, text), el("button", { type: "button", class: "small", "aria-label": `Switch off: ${text}`, onclick: off }, "Switch off"));
  }
}
