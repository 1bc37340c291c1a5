// The sections with a list: a bar of filters, the list, and the chosen line as a whole.

import { el, plural } from "./dom.js";
import { VirtualList } from "./list.js";
import { nothingChosen } from "./details.js";

const SAMPLED = "Records arrive faster than this list can show them. It shows the newest ones, four times a second; all are stored.";
const SAMPLED_MS = 4000;

/**
 * options: id, what ("event"), title, columns, keyOf, toneOf, details(row, signal), filters (node), older(last row),
 * empty (text of the empty list).
 */
export class ListView {
  constructor(options) {
    this.options = options;
    this.waiting = [];
    this.hasGap = false;
    this.sampledTimer = 0;
    this.isLoading = false;
    this.controller = null;
    this.list = new VirtualList(`${options.id}-list`, {
      ...options,
      label: `${options.title}, the newest first`,
      onSelect: (row) => this.show(row),
      onEnd: () => this.loadOlder(),
      onTop: () => this.follow(),
    });
    this.list.empty.textContent = options.empty;
    this.fresh = el("button", { type: "button", class: "fresh", hidden: true, onclick: () => this.list.toTop() });
    this.sampled = el("p", { class: "notice", hidden: true }, SAMPLED);
    const onkeydown = (event) => event.key === "Escape" && this.leave();
    this.panel = el("aside", { class: "panel", "aria-label": `${options.title}: details`, tabindex: "-1", onkeydown });
    this.back = el("button", { type: "button", class: "back", onclick: () => this.leave() }, "Back to the list");
    this.split = el("div", { class: "split" }, el("div", { class: "side" }, this.fresh, this.list.node), this.panel);
    this.node = el(
      "section",
      { id: `view-${options.id}`, class: "view", "aria-label": options.title, hidden: true },
      options.filters,
      this.sampled,
      this.split,
    );
    this.show(null);
  }

  /** Take the newest lines: {rows, has_more}. */
  take({ rows, has_more: hasMore }, isFresh) {
    if (isFresh) {
      this.waiting = [];
      this.hasGap = false;
      this.list.set(rows, hasMore);
      this.list.box.scrollTop = 0;
      if (this.list.active < 0) this.show(null);
    } else if (rows.length) {
      if (hasMore) this.tellSampled();
      // After a gap the list begins anew, and the lines in between are loaded when one scrolls down to them.
      this.hasGap ||= hasMore;
      this.waiting = hasMore ? rows : rows.concat(this.waiting).slice(0, 5000);
      if (this.list.isAtTop) this.follow();
    }
    this.tellWaiting();
  }

  follow() {
    if (!this.waiting.length || !this.list.isAtTop) return;
    if (this.hasGap) this.list.set(this.waiting, this.options.older !== undefined);
    else this.list.prepend(this.waiting);
    this.waiting = [];
    this.hasGap = false;
    this.tellWaiting();
  }

  tellWaiting() {
    this.fresh.hidden = this.waiting.length === 0;
    const number = `${this.hasGap ? "More than " : ""}${plural(this.waiting.length, `new ${this.options.what}`)}`;
    this.fresh.textContent = `${number}: show`;
  }

  tellSampled() {
    this.sampled.hidden = false;
    clearTimeout(this.sampledTimer);
    this.sampledTimer = setTimeout(() => {
      this.sampled.hidden = true;
    }, SAMPLED_MS);
  }

  async loadOlder() {
    if (!this.options.older || this.isLoading || !this.list.rows.length) return;
    this.isLoading = true;
    const rows = this.list.rows;
    try {
      const older = await this.options.older(rows);
      const last = this.list.rows.at(-1);
      // A filter or a reset may have replaced the list meanwhile.
      if (last === rows.at(-1)) this.list.append(older.rows, older.has_more);
    } finally {
      this.isLoading = false;
    }
  }

  async show(row) {
    this.controller?.abort();
    this.controller = new AbortController();
    const { signal } = this.controller;
    this.split.classList.toggle("chosen", row !== null);
    if (row === null) {
      this.panel.replaceChildren(...nothingChosen(this.options.article));
      this.follow();
      return;
    }
    let parts;
    try {
      parts = await this.options.details(row, signal);
    } catch (error) {
      if (signal.aborted) return;
      parts = [el("p", { class: "notice" }, error.message)];
    }
    if (signal.aborted) return;
    this.panel.replaceChildren(this.back, ...parts.filter((part) => part !== null));
    // On a narrow screen the panel takes the place of the list, and the focus must not be lost with it.
    if (this.back.offsetParent !== null) this.back.focus();
  }

  leave() {
    this.list.select(-1);
    this.list.box.focus();
  }
}
