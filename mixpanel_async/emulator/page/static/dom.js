// Elements and texts. Every text of a record becomes a text node, so nothing in it can become markup.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element: attributes, `on...` listeners, and children that are nodes or texts. */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Make an SVG element. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const number = new Intl.NumberFormat("en");
export const count = (value) => number.format(value);

export function plural(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`;
}

const two = (value) => String(value).padStart(2, "0");

/** A time of today as 12:00:00, another one with its day. */
export function clock(ms) {
  const at = new Date(ms);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return at.toDateString() === new Date().toDateString() ? time : `${day(at)} ${time}`;
}

const day = (at) => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;

/** A time in UTC, in full. */
export function utc(ms) {
  const at = new Date(ms);
  return Number.isNaN(at.getTime()) ? String(ms) : at.toISOString().replace("T", " ").replace(/(\.000)?Z$/, " UTC");
}

export function bytes(value) {
  if (value < 1000) return `${value} B`;
  return value < 1e6 ? `${(value / 1e3).toFixed(1)} kB` : `${(value / 1e6).toFixed(1)} MB`;
}

const announcer = document.getElementById("announcer");

/** Tell screen readers. */
export function announce(text) {
  announcer.textContent = text;
}

/** Call `act` when nothing has asked for it for some time. */
export function later(milliseconds, act) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...given), milliseconds);
  };
}

/** A labelled control of a form. */
export function field(label, control) {
  return el("label", { class: "field" }, el("span", {}, label), control);
}

/** A list of choices: values, or pairs of value and text. */
export function choice(attributes, values) {
  const options = values.map((one) => {
    const [value, text] = Array.isArray(one) ? one : [one, one];
    return el("option", { value }, text);
  });
  return el("select", attributes, ...options);
}

/** Ask before something that cannot be undone; resolves to true or false. */
export function ask(question, yes) {
  const dialog = document.getElementById("question");
  const [no, confirm] = [document.getElementById("question-no"), document.getElementById("question-yes")];
  document.getElementById("question-text").textContent = question;
  confirm.textContent = yes;
  return new Promise((resolve) => {
    confirm.onclick = () => dialog.close("yes");
    no.onclick = () => dialog.close("no");
    dialog.onclose = () => resolve(dialog.returnValue === "yes");
    dialog.returnValue = "no";
    dialog.showModal();
    no.focus();
  });
}
