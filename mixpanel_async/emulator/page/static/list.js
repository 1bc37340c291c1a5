// A list of any length: only the lines in sight are in the document.

import { el } from "./dom.js";

const ROW = 36;
const MARGIN = 8;
const MOST = 100_000;

/**
 * A list box. Arrow keys, Home, End, Page Up and Page Down move through it, Escape leaves the line.
 *
 * options: label, columns (each {name, cell(row), kind}), keyOf(row), toneOf(row), onSelect(row or null), onEnd(), onTop().
 */
export class VirtualList {
  constructor(id, options) {
    this.id = id;
    this.options = options;
    this.rows = [];
    this.hasMore = false;
    this.active = -1;
    this.shown = new Map();
    this.frame = 0;
    this.space = el("div", { class: "space", role: "presentation" });
    this.box = el(
      "div",
      {
        class: "list",
        id,
        role: "listbox",
        tabindex: "0",
        "aria-label": options.label,
        onscroll: () => this.onScroll(),
        onkeydown: (event) => this.onKey(event),
        onclick: (event) => this.onClick(event),
      },
      this.space,
    );
    this.empty = el("p", { class: "empty" });
    const names = options.columns.map((column) => el("span", { class: `cell ${column.kind ?? ""}` }, column.name));
    this.node = el(
      "div",
      { class: `lines lines-${id}` },
      el("div", { class: "head", "aria-hidden": "true" }, ...names),
      el("div", { class: "body" }, this.box, this.empty),
    );
    new ResizeObserver(() => this.draw()).observe(this.box);
  }

  /** Whether new lines may appear at the top without moving what is being read. */
  get isAtTop() {
    return this.active < 0 && this.box.scrollTop < ROW;
  }

  set(rows, hasMore) {
    const key = this.active >= 0 ? this.options.keyOf(this.rows[this.active]) : null;
    // After a reset the numbers begin again: a line that is shown may be of another record with the same key.
    for (const line of this.shown.values()) line.remove();
    this.shown.clear();
    this.rows = rows;
    this.hasMore = hasMore;
    this.active = key === null ? -1 : rows.findIndex((row) => this.options.keyOf(row) === key);
    this.resize();
  }

  prepend(rows) {
    this.rows = rows.concat(this.rows);
    if (this.rows.length > MOST) {
      this.rows.length = MOST;
      this.hasMore = true;
    }
    if (this.active >= 0) this.active += rows.length;
    this.resize();
  }

  append(rows, hasMore) {
    this.rows = this.rows.concat(rows);
    this.hasMore = hasMore && this.rows.length < MOST;
    this.resize();
  }

  select(index) {
    const next = this.rows.length === 0 ? -1 : Math.max(-1, Math.min(index, this.rows.length - 1));
    if (next === this.active) return;
    this.active = next;
    if (next >= 0) this.reveal(next);
    this.draw();
    this.options.onSelect(next < 0 ? null : this.rows[next]);
  }

  toTop() {
    this.box.scrollTop = 0;
    this.select(-1);
  }

  reveal(index) {
    const top = index * ROW;
    const height = this.box.clientHeight;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (top + ROW > this.box.scrollTop + height) this.box.scrollTop = top + ROW - height;
  }

  onScroll() {
    this.draw();
    const { scrollTop, clientHeight, scrollHeight } = this.box;
    if (this.hasMore && scrollTop + clientHeight > scrollHeight - 20 * ROW) this.options.onEnd?.();
    if (scrollTop < ROW) this.options.onTop?.();
  }

  onKey(event) {
    const page = Math.max(1, Math.floor(this.box.clientHeight / ROW) - 1);
    const steps = {
      ArrowDown: this.active + 1,
      ArrowUp: Math.max(0, this.active - 1),
      PageDown: this.active + page,
      PageUp: Math.max(0, this.active - page),
      Home: 0,
      End: this.rows.length - 1,
      Escape: -1,
    };
    if (!(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (event.key === "Escape" && this.active < 0) this.toTop();
    else this.select(steps[event.key]);
  }

  onClick(event) {
    const line = event.target.closest(".line");
    if (line) this.select(Number(line.dataset.index));
  }

  /** Draw after the number of lines has changed: the height at once, so that one can scroll to a new line. */
  resize() {
    this.space.style.height = `${this.rows.length * ROW}px`;
    this.draw();
  }

  draw() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.paint();
    });
  }

  paint() {
    const total = this.rows.length;
    this.empty.hidden = total > 0;
    const first = Math.max(0, Math.floor(this.box.scrollTop / ROW) - MARGIN);
    const last = Math.min(total, Math.ceil((this.box.scrollTop + this.box.clientHeight) / ROW) + MARGIN);
    const seen = new Map();
    for (let index = first; index < last; index += 1) {
      const key = this.options.keyOf(this.rows[index]);
      const line = this.shown.get(key) ?? this.line(this.rows[index], key);
      this.shown.delete(key);
      this.place(line, index, total);
      seen.set(key, line);
    }
    for (const line of this.shown.values()) line.remove();
    this.shown = seen;
    const active = this.active >= 0 ? seen.get(this.options.keyOf(this.rows[this.active])) : null;
    if (active) this.box.setAttribute("aria-activedescendant", active.id);
    else this.box.removeAttribute("aria-activedescendant");
  }

  line(row, key) {
    const cells = this.options.columns.map((column) => {
      const text = column.cell(row);
      return el("span", { class: `cell ${column.kind ?? ""}`, "data-tone": column.tone?.(row) }, text === "" ? "\u00a0" : text);
    });
    const line = el(
      "div",
      { class: "line", role: "option", id: `${this.id}-${key}`, "data-tone": this.options.toneOf?.(row) },
      ...cells,
    );
    this.space.append(line);
    return line;
  }

  place(line, index, total) {
    if (line.dataset.index !== String(index)) {
      line.dataset.index = index;
      line.style.transform = `translateY(${index * ROW}px)`;
      line.setAttribute("aria-posinset", index + 1);
      line.classList.toggle("odd", index % 2 === 1);
    }
    line.setAttribute("aria-setsize", this.hasMore ? -1 : total);
    line.setAttribute("aria-selected", index === this.active);
  }
}
