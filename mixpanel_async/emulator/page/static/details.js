// A record, request or profile as a whole.

import { bytes, clock, count, el, utc } from "./dom.js";
import { call } from "./api.js";

const facts = (pairs) => {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return el("dl", { class: "facts" }, ...shown.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, String(value))]));
};

/** JSON with a button to copy it; `field` is the dotted name of a property to mark. */
export function json(text, field = "") {
  const wanted = field.split(".").pop().replace(/\[\d+\]$/, "");
  const lines = text.split("\n");
  const at = wanted ? lines.findIndex((line) => line.trimStart().startsWith(`${JSON.stringify(wanted)}:`)) : -1;
  const code = el("code", {});
  if (at < 0) code.append(text);
  else {
    const before = lines.slice(0, at).map((line) => `${line}\n`).join("");
    const after = lines.slice(at + 1).map((line) => `\n${line}`).join("");
    code.append(before, el("mark", {}, lines[at]), after);
  }
  const done = el("span", { class: "muted", role: "status" });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      done.textContent = "copied";
    } catch {
      done.textContent = "the browser does not allow it";
    }
  };
  return el(
    "div",
    { class: "json" },
    el("div", { class: "row" }, el("h3", {}, "JSON"), el("button", { type: "button", class: "small", onclick: copy }, "Copy"), done),
    el("pre", { tabindex: "0", "aria-label": "JSON of the record" }, code),
  );
}

const table = (title, pairs) => {
  if (!pairs.length) return null;
  const rows = pairs.map(([name, value]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, value)));
  return el("section", {}, el("h3", {}, title), el("table", { class: "pairs" }, el("tbody", {}, ...rows)));
};

export async function eventDetails(row, signal) {
  const whole = await call(`/_admin/events/${row.number}`, { signal });
  return [
    el("h2", {}, row.event),
    row.superseded ? el("p", { class: "notice" }, "A later event with the same event, time, distinct_id and $insert_id replaces it in queries.") : null,
    facts([
      ["distinct_id", row.distinct_id],
      ["Event time", utc(row.time_ms)],
      ["Received", utc(whole.received_ms)],
      ["Project", whole.project],
      ["Number", row.number],
    ]),
    json(whole.json),
  ];
}

export async function rejectionDetails(row, signal) {
  const whole = await call(`/_admin/rejections/${row.number}`, { signal });
  return [
    el("h2", {}, row.name || "Rejected record"),
    el("p", { class: "reason" }, whole.message),
    whole.is_demanded ? el("p", { class: "notice" }, "A fault that is switched on rejected it.") : null,
    facts([
      ["Field", whole.field || "the whole record"],
      ["Sent to", whole.path],
      ["Received", utc(whole.at_ms)],
    ]),
    json(whole.json, whole.field),
  ];
}

export async function requestDetails(row, signal) {
  const whole = await call(`/_admin/requests/${row.number}`, { signal });
  return [
    el("h2", {}, `${whole.method} ${whole.path}`),
    whole.fault ? el("p", { class: "notice" }, `Injected fault: ${whole.fault}`) : null,
    whole.error ? el("p", { class: "reason" }, whole.error) : null,
    facts([
      ["Status", whole.status ?? "none: the connection was reset or the client left"],
      ["Received", `${clock(whole.at_ms)} (${utc(whole.at_ms)})`],
      ["Duration", whole.ms === null ? "" : `${whole.ms} ms`],
      ["Records", count(whole.records)],
      ["Body", bytes(whole.bytes)],
      ["SHA-256", whole.bytes ? whole.body_sha256 : ""],
    ]),
    table("Query", whole.query),
    table("Headers", whole.headers),
    whole.body
      ? el("section", {}, el("h3", {}, whole.is_body_cut ? "Start of the body" : "Body"), el("pre", { tabindex: "0", "aria-label": "Body of the request" }, el("code", {}, whole.body)))
      : null,
  ];
}

export async function profileDetails(row, signal) {
  const query = { project: row.project, kind: row.kind, id: row.id };
  const whole = await call("/_admin/profile", { query, signal });
  return [
    el("h2", {}, row.id),
    facts([
      ["Kind", row.kind ? `group of ${row.kind}` : "user"],
      ["Changed", utc(whole.changed_ms)],
      ["Seen", whole.seen_ms === null ? "" : utc(whole.seen_ms)],
      ["Project", row.project],
    ]),
    json(whole.json),
  ];
}

export const nothingChosen = (what) => [el("p", { class: "empty" }, `Choose ${what} to see it whole.`)];
