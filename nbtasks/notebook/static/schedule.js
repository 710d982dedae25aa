// The Schedule: entries in words, when they run next, and how their last runs went.

import { Channel, widgetOf } from "./channel.js";
import { count, make, setAttribute, setText, watchTheme } from "./core.js";
import { EntryRow } from "./entry.js";
import { keepFocus } from "./focus.js";
import { sayGone, watchLooks } from "./parts.js";
import { Table } from "./table.js";

/** @typedef {import("./channel.js").Told} Told */
/** @typedef {import("./entry.js").Entry} Entry */
/** @typedef {Told & {entries: Entry[], more: number, error: string}} Whole */

const TICK_MS = 1000;
const COLUMNS = [
  { title: "name" },
  { title: "when" },
  { title: "next" },
  { title: "last 20 runs" },
  { title: "" },
];

class ScheduleView {
  /** @param {Channel<Whole>} link @param {HTMLElement} host @param {AbortSignal} signal */
  constructor(link, host, signal) {
    this.link = link;
    this.root = make("section", "nbt nbt-wide");
    this.note = make("span", "nbt-says");
    this.note.setAttribute("role", "status");
    const note = (/** @type {string} */ text) => setText(this.note, text);
    const changed = () => this.show();
    this.table = new Table(
      link.state.title,
      COLUMNS,
      (/** @type {Entry} */ entry) => entry.name,
      ({ name }, stop) => {
        const row = new EntryRow(name, link, { note, changed, signal: stop });
        return { cells: row.cells, below: row.editor.element, show: (entry) => row.show(entry) };
      },
      signal,
    );
    this.table.title.hidden = true;
    this.table.element.classList.add("nbt-entries");
    const head = make("div", "nbt-head");
    const title = make("div", "nbt-title");
    title.append(make("span", "nbt-name-all", link.state.title));
    head.append(title, this.note);
    this.root.append(head, this.table.element);
    setAttribute(this.root, "aria-label", link.state.title);
    host.append(this.root);
    watchTheme(this.root, signal, () => {});
    this.show();
    const hear = () => this.show();
    link.listeners.add(hear);
    const timer = setInterval(() => link.over || this.show(), TICK_MS);
    signal.addEventListener("abort", () => {
      link.listeners.delete(hear);
      clearInterval(timer);
    });
    watchLooks(this.root, link, signal);
  }

  show() {
    keepFocus(this.root, () => this.#show());
  }

  #show() {
    const { entries, more, error } = this.link.state;
    const none = 'Nothing is scheduled: %%schedule NAME --cron "0 7 * * mon-fri"';
    this.table.show(entries, more ? `and ${count(more)} more` : entries.length ? "" : none);
    if (error) setText(this.note, error);
    sayGone(this.link, this.root, this.note);
  }
}

export default widgetOf(
  (model) => /** @type {Channel<Whole>} */ (new Channel(model)),
  (link, el, signal) => new ScheduleView(link, el, signal),
);
