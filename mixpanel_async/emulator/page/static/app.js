// The page: sections, the stream of changes, and what is told while they come.

import { announce, bytes, choice, clock, count, el, field, later, plural } from "./dom.js";
import { call, Stream } from "./api.js";
import { Pulse } from "./chart.js";
import { ControlView } from "./controls.js";
import { eventDetails, profileDetails, rejectionDetails, requestDetails } from "./details.js";
import { ReportView } from "./report.js";
import { ListView } from "./views.js";

const ANNOUNCE_MS = 8000;
const PROFILES_MS = 1500;
// They have a column of their own, or tell nothing.
const SHOWN_ANYWAY = /"(?:distinct_id|\$insert_id)":"(?:[^"\\]|\\.)*",?/g;
const byNumber = (row) => row.number;

const filter = { project: "", event: "", distinct_id: "", text: "" };
const told = { events: 0, rejected: 0, at: 0 };
let counts = { events: 0, rejected: 0, requests: 0, profiles: 0, groups: 0 };
let epoch = "";
let projects = [];

const search = (label, id, onChange, hint = "") =>
  field(label, el("input", { type: "search", id, placeholder: hint, autocomplete: "off", spellcheck: "false", oninput: later(200, onChange) }));

const value = (id) => document.getElementById(id).value.trim();

const projectChoice = choice({ id: "filter-project", onchange: () => refilter() }, [["", "All"]]);
const projectField = field("Project", projectChoice);
projectField.hidden = true;

const events = new ListView({
  id: "events",
  what: "event",
  article: "an event",
  title: "Events",
  keyOf: byNumber,
  columns: [
    { name: "Received", kind: "time", cell: (row) => clock(row.received_ms) },
    { name: "Event", kind: "strong", cell: (row) => row.event },
    { name: "distinct_id", kind: "id", cell: (row) => row.distinct_id },
    { name: "Properties", kind: "rest", cell: (row) => row.preview.replace(SHOWN_ANYWAY, "").replace(/^\{|,?\}$/g, "") },
  ],
  toneOf: (row) => (row.superseded ? "faint" : undefined),
  details: eventDetails,
  filters: el(
    "form",
    { class: "bar", role: "search", "aria-label": "Filter events", onsubmit: (event) => event.preventDefault() },
    search("Event", "filter-event", () => refilter(), "Signed Up"),
    search("distinct_id", "filter-distinct_id", () => refilter(), "user-1"),
    search("Any text", "filter-text", () => refilter(), "pro"),
    projectField,
    el("button", { type: "button", id: "filter-clear", onclick: () => clearFilter() }, "Clear"),
  ),
  older: (rows) => call("/_admin/events", { query: { ...filter, before: rows.at(-1).number } }),
  empty: "No events yet. Send one, or drop an NDJSON file here.",
});

const rejected = new ListView({
  id: "rejected",
  what: "rejected record",
  article: "a rejected record",
  title: "Rejected",
  keyOf: byNumber,
  columns: [
    { name: "Received", kind: "time", cell: (row) => clock(row.at_ms) },
    { name: "Record", kind: "strong", cell: (row) => row.name },
    { name: "Field", kind: "id", cell: (row) => row.field || "(whole record)" },
    { name: "Why", kind: "rest bad", cell: (row) => row.message },
  ],
  details: rejectionDetails,
  older: (rows) => call("/_admin/rejections", { query: { before: rows.at(-1).number } }),
  filters: el("p", { class: "hint muted" }, "Records that Mixpanel would reject, with the reason. The last 1,000 are kept."),
  empty: "Nothing was rejected.",
});

const requests = new ListView({
  id: "requests",
  what: "request",
  article: "a request",
  title: "Requests",
  keyOf: byNumber,
  columns: [
    { name: "Received", kind: "time", cell: (row) => clock(row.at_ms) },
    { name: "Status", kind: "status", cell: (row) => String(row.status ?? "none"), tone: (row) => toneOf(row.status) },
    { name: "Request", kind: "strong", cell: (row) => `${row.method} ${row.path}` },
    { name: "Records", kind: "number", cell: (row) => (row.records ? count(row.records) : "") },
    { name: "Body", kind: "number", cell: (row) => (row.bytes ? bytes(row.bytes) : "") },
    { name: "Time", kind: "number", cell: (row) => (row.ms === null ? "" : `${row.ms} ms`) },
    { name: "Fault or error", kind: "rest bad", cell: (row) => (row.fault ? `fault: ${row.fault}` : (row.error ?? "")) },
  ],
  details: requestDetails,
  older: (rows) => call("/_admin/requests", { query: { before: rows.at(-1).number } }),
  filters: el("p", { class: "hint muted" }, "Every request that has ended, as the server saw it. Secrets are hidden. The last 1,000 are kept."),
  empty: "No requests yet.",
});

const profiles = new ListView({
  id: "profiles",
  what: "profile",
  article: "a profile",
  title: "Profiles",
  keyOf: (row) => JSON.stringify([row.project, row.kind, row.id]),
  columns: [
    { name: "Changed", kind: "time", cell: (row) => clock(row.changed_ms) },
    { name: "Kind", kind: "status", cell: (row) => row.kind || "user" },
    { name: "ID", kind: "strong", cell: (row) => row.id },
    { name: "Properties", kind: "rest", cell: (row) => row.preview },
  ],
  details: profileDetails,
  filters: el(
    "form",
    { class: "bar", role: "search", "aria-label": "Filter profiles", onsubmit: (event) => event.preventDefault() },
    search("Any text", "filter-profiles", () => loadProfiles(true), "user-1"),
  ),
  older: (rows) => call("/_admin/profiles", { query: { text: value("filter-profiles"), project: filter.project, offset: rows.length } }),
  empty: "No profiles of users or groups.",
});

const reports = new ReportView();
const controls = new ControlView({
  project: () => filter.project,
  counts: () => counts,
  onSeed: (text) => {
    reports.isReady = false;
    if (!controls.node.hidden) return;
    go("controls");
    controls.say(text);
  },
});

const SECTIONS = { events, rejected, requests, profiles, reports, controls };
const TITLES = { events: "Events", rejected: "Rejected", requests: "Requests", profiles: "Profiles", reports: "Reports", controls: "Controls" };
const links = {};

function toneOf(status) {
  if (status === null || status >= 500) return "bad";
  return status >= 400 ? "warn" : "good";
}

function build() {
  const list = el("ul", {});
  for (const [name, title] of Object.entries(TITLES)) {
    const badge = el("span", { class: "badge", id: `count-${name}` });
    links[name] = { link: el("a", { href: `#${name}` }, title, badge), badge };
    list.append(el("li", {}, links[name].link));
    document.getElementById("main").append(SECTIONS[name].node);
  }
  document.getElementById("sections").append(list);
  document.getElementById("pulse").append(pulse.node);
  window.addEventListener("hashchange", () => open(false));
  open(true);
}

const current = () => (location.hash.slice(1) in SECTIONS ? location.hash.slice(1) : "events");

function go(name) {
  if (current() === name) open(false);
  else location.hash = name;
}

function open(isFirst) {
  const name = current();
  for (const [other, view] of Object.entries(SECTIONS)) {
    view.node.hidden = other !== name;
    if (other === name) links[other].link.setAttribute("aria-current", "page");
    else links[other].link.removeAttribute("aria-current");
  }
  document.title = `${TITLES[name]} · Local Mixpanel`;
  if (!isFirst) announce(`${TITLES[name]} shown`);
  if (name === "reports") reports.open();
  if (name === "profiles") loadProfiles(true);
}

function refilter() {
  filter.event = value("filter-event");
  filter.distinct_id = value("filter-distinct_id");
  filter.text = value("filter-text");
  if (projectChoice.value !== filter.project) {
    filter.project = projectChoice.value;
    reports.setProject(projects.find((one) => String(one.id) === filter.project) ?? projects[0]);
  }
  const isFiltered = Object.values(filter).some((one) => one !== "");
  events.list.empty.textContent = isFiltered ? "No event matches the filter." : events.options.empty;
  stream.open(filter);
}

function clearFilter() {
  for (const id of ["filter-event", "filter-distinct_id", "filter-text"]) document.getElementById(id).value = "";
  projectChoice.value = "";
  refilter();
}

let profilesAt = 0;
let profilesTimer = 0;

async function loadProfiles(isFresh) {
  profilesAt = Date.now();
  try {
    const found = await call("/_admin/profiles", { query: { text: value("filter-profiles"), project: filter.project } });
    if (isFresh || profiles.list.isAtTop) profiles.take(found, true);
  } catch (error) {
    profiles.list.empty.textContent = error.message;
  }
}

function refreshProfiles() {
  clearTimeout(profilesTimer);
  if (current() !== "profiles") return;
  profilesTimer = setTimeout(() => loadProfiles(false), Math.max(0, profilesAt + PROFILES_MS - Date.now()));
}

function take(changes) {
  const isFresh = changes.is_fresh;
  // A new filter is a fresh start of the lists; a reset and a new server are one of everything.
  const isNew = changes.epoch !== epoch;
  epoch = changes.epoch;
  if (isNew) for (const view of [events, rejected, requests, profiles]) view.list.select(-1);
  events.take(changes.events, isFresh);
  rejected.take(changes.rejections, isFresh);
  requests.take(changes.requests, isFresh);
  if (isNew) Object.assign(told, { events: changes.counts.events, rejected: changes.counts.rejected, at: Date.now() });
  if (isNew) lastCount = changes.counts.events;
  counts = changes.counts;
  controls.take(changes.faults, changes.limits);
  showCounts(changes.faults.length);
  refreshProfiles();
}

function showCounts(faults) {
  const shown = { events: counts.events, rejected: counts.rejected, requests: counts.requests, profiles: counts.profiles + counts.groups, controls: faults };
  for (const [name, number] of Object.entries(shown)) {
    const { badge, link } = links[name];
    badge.textContent = number ? count(number) : "";
    link.classList.toggle("alert", number > 0 && (name === "rejected" || name === "controls"));
    link.setAttribute("aria-label", name === "controls" ? `Controls, ${plural(number, "fault")} on` : `${TITLES[name]}, ${count(number)}`);
  }
}

const pulse = new Pulse(60);
let lastCount = null;

function beat() {
  if (lastCount === null) lastCount = counts.events;
  const rate = Math.max(0, counts.events - lastCount);
  lastCount = counts.events;
  pulse.push(rate);
  const open = counts.open ? `, ${plural(counts.open, "open request")}` : "";
  document.getElementById("rate").textContent = `${count(rate)} events/s${open}`;
  tellScreenReaders();
}

/** Say what came, once in some seconds: a live region for each event would never be silent. */
function tellScreenReaders() {
  const [fresh, bad] = [counts.events - told.events, counts.rejected - told.rejected];
  if ((fresh <= 0 && bad <= 0) || Date.now() - told.at < ANNOUNCE_MS) return;
  Object.assign(told, { events: counts.events, rejected: counts.rejected, at: Date.now() });
  announce(`${plural(Math.max(0, fresh), "new event")}${bad > 0 ? `, ${count(bad)} rejected` : ""}`);
}

function showState(state) {
  const texts = { open: "live", lost: "connection lost, trying again" };
  document.getElementById("connection").dataset.state = state;
  document.getElementById("connection-text").textContent = texts[state];
}

function acceptDrops() {
  const veil = document.getElementById("drop");
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (hasFiles(event)) veil.hidden = false;
  });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) veil.hidden = true;
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    veil.hidden = true;
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length) controls.seed(files);
  });
}

async function loadProjects() {
  projects = await call("/_admin/projects");
  projectField.hidden = projects.length < 2;
  projectChoice.replaceChildren(el("option", { value: "" }, "All"), ...projects.map((one) => el("option", { value: one.id }, `${one.name} (${one.id})`)));
  reports.setProject(projects[0]);
}

const stream = new Stream(take, showState);
build();
acceptDrops();
stream.open(filter);
setInterval(beat, 1000);
try {
  await loadProjects();
  if (current() === "reports") reports.open();
} catch {
  showState("lost");
}
