// The Board: many tasks in one widget.

import {
  count,
  duration,
  FAILURE,
  isFinished,
  make,
  PROGRESS,
  rateText,
  STARTED,
  SUCCESS,
  setAttribute,
  setText,
  WORDS,
  watchTheme,
} from "./core.js";
import { Grid } from "./grid.js";
import { Link } from "./link.js";
import { confirmButton, Mark } from "./parts.js";
import { Bar, elapsed, Failures, Panel, Rows } from "./rows.js";
import { tabs } from "./tabs.js";

/** @typedef {import("./channel.js").Model} Model */

const ROWS = 12;
const SPOKEN_EVERY_MS = 5000;
const TICK_MS = 1000;
// Of the stacked bar: what is done, what runs, what waits.
const ORDER = [3, 7, 6, 4, 1, 5, 0];

/** One bar for all tasks, stacked by state, and its legend. */
class Overall {
  constructor() {
    this.bar = make("div", "nbt-bar nbt-overall");
    this.bar.setAttribute("role", "progressbar");
    setAttribute(this.bar, "aria-valuemin", "0");
    this.legend = make("ul", "nbt-legend");
    /** @type {Map<number, {piece: HTMLElement, item: HTMLElement, amount: HTMLElement}>} */
    this.parts = new Map();
    for (const code of ORDER) {
      const piece = make("span", "nbt-piece");
      const item = make("li", "");
      const amount = make("span", "nbt-amount");
      const mark = new Mark();
      mark.show(code);
      setAttribute(piece, "data-code", String(code));
      item.append(mark.element, amount);
      this.bar.append(piece);
      this.legend.append(item);
      this.parts.set(code, { piece, item, amount });
    }
  }

  /** @param {number[]} counts @param {number} n @param {string} label @param {string} text */
  show(counts, n, label, text) {
    for (const [code, { piece, item, amount }] of this.parts) {
      const value = amountOf(counts, code);
      piece.style.width = `${(100 * value) / Math.max(1, n)}%`;
      piece.hidden = value === 0;
      item.hidden = value === 0;
      setText(amount, count(value));
    }
    setAttribute(this.bar, "aria-label", label);
    setAttribute(this.bar, "aria-valuemax", String(n));
    setAttribute(this.bar, "aria-valuenow", String(doneOf(counts)));
    setAttribute(this.bar, "aria-valuetext", text);
  }
}

/** @param {number[]} counts @param {number} code */
const amountOf = (counts, code) =>
  (counts[code] ?? 0) + (code === STARTED ? (counts[PROGRESS] ?? 0) : 0);

/** @param {number[]} counts */
const doneOf = (counts) =>
  counts.reduce((sum, value, code) => (isFinished(code) ? sum + value : sum), 0);

class BoardView {
  /**
   * @param {Link} link @param {HTMLElement} host @param {AbortSignal} signal
   * @param {typeof import("./graph.js").Graph} [Graph] where the tasks are a canvas
   */
  constructor(link, host, signal, Graph) {
    const n = link.state.n;
    this.link = link;
    this.n = n;
    this.selected = n === 1 ? 0 : -1;
    this.spokenAt = 0;
    this.spoken = "";
    this.frame = 0;
    this.orphaned = false;
    /** @type {Set<number> | null} */
    this.changed = null;
    this.root = make("section", "nbt");
    this.note = make("span", "nbt-says");
    this.mark = new Mark();
    this.done = make("b", "nbt-done");
    this.rest = make("span", "nbt-facts");
    this.live = make("div", "nbt-live");
    this.overall = new Overall();
    this.bar = new Bar();
    this.failures = new Failures();
    const actions = {
      note: (/** @type {string} */ text) => setText(this.note, text),
      select: (/** @type {number} */ i) => this.select(i),
      announce: (/** @type {string} */ text) => setText(this.live, text),
    };
    this.cancel = this.#cancelButton(actions.note, signal);
    this.grid = n > ROWS ? new Grid(link, signal, actions) : null;
    this.rows = new Rows(link, actions, signal);
    this.panel = new Panel(link, n === 1 ? null : () => this.select(this.selected), signal);
    const open = (/** @type {number} */ i) => this.select(i < 0 ? this.selected : i, i >= 0);
    this.graph = Graph && link.state.ast ? new Graph(link, { ...actions, open }, signal) : null;
    this.#build(signal);
    host.append(this.root);
    watchTheme(this.root, signal, () => {
      this.grid?.recolour();
      this.graph?.recolour();
    });
    this.show();
    this.graph?.paint(null);
    this.grid?.layout();
    this.#listen(signal);
  }

  /** @param {AbortSignal} signal */
  #build(signal) {
    const { state } = this.link;
    setAttribute(this.root, "aria-label", `Tasks: ${state.title}`);
    this.live.setAttribute("aria-live", "polite");
    this.note.setAttribute("role", "status");
    const head = make("div", "nbt-head");
    const title = make("div", "nbt-title");
    const summary = make("div", "nbt-summary");
    title.append(make("bdi", "nbt-name-all", state.title));
    if (state.detail) title.append(make("bdi", "nbt-detail", state.detail));
    head.append(title, this.note, this.cancel);
    summary.append(this.n === 1 ? this.mark.element : this.done, this.rest);
    this.bar.element.classList.add("nbt-overall");
    this.root.append(head, summary);
    if (this.n === 1) this.root.append(this.bar.element);
    else this.root.append(this.overall.bar, this.overall.legend);
    if (state.inputs.length) this.root.append(this.#inputs());
    let cells = this.root;
    if (this.graph) {
      cells = make("div", "nbt-cells");
      const turned = () => {
        this.graph?.wake();
        this.show();
      };
      const all = { Graph: this.graph.element, Board: cells };
      this.root.append(tabs(all, signal, turned), this.graph.element, cells);
    }
    if (this.grid) cells.append(this.grid.element);
    if (this.n > 1) cells.append(this.rows.element);
    this.root.append(this.panel.element, this.failures.element, this.live);
  }

  /** @param {(text: string) => void} note @param {AbortSignal} signal */
  #cancelButton(note, signal) {
    const left = () => this.n - doneOf(this.link.state.counts);
    return confirmButton({
      text: this.n === 1 ? "Cancel" : "Cancel all",
      label: this.n === 1 ? "Cancel this task" : "Cancel all unfinished tasks",
      sure: () => (this.n === 1 ? "Sure?" : `Sure? ${count(left())}`),
      act: (report) => this.link.ask({ t: "cancel", i: null }, report),
      note,
      signal,
    });
  }

  #inputs() {
    const list = make("ul", "nbt-inputs");
    setAttribute(list, "aria-label", "inputs");
    for (const [name, size] of this.link.state.inputs) {
      const item = make("li", "nbt-input");
      item.append(make("bdi", "nbt-code", name), make("span", "nbt-facts", size));
      list.append(item);
    }
    return list;
  }

  /** @param {AbortSignal} signal */
  #listen(signal) {
    const { link } = this;
    /** @param {Iterable<number> | null} changed */
    const hear = (changed) => this.#later(changed);
    link.listeners.add(hear);
    const timer = setInterval(() => {
      if (!link.state.done && !link.ended && !link.orphaned) this.#later([]);
    }, TICK_MS);
    signal.addEventListener("abort", () => {
      link.listeners.delete(hear);
      clearInterval(timer);
      cancelAnimationFrame(this.frame);
    });
  }

  /** Paint with the next frame. @param {Iterable<number> | null} changed null: everything */
  #later(changed) {
    if (!this.frame) this.changed = new Set();
    if (changed === null) this.changed = null;
    else for (const i of changed) this.changed?.add(i);
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.show();
      if (this.changed !== null && !this.changed.size) return;
      this.grid?.paint(this.changed);
      this.graph?.paint(this.changed);
    });
  }

  /** Open the details of a task; again closes them. @param {number} i @param {boolean} [isKept] not so */
  select(i, isKept = false) {
    if (this.n === 1 || i < 0) return;
    this.selected = this.selected === i && !isKept ? -1 : i;
    if (this.selected >= 0 && !this.link.ended) {
      this.link.ask({ t: "detail", i }, ({ kind, text }) => {
        setText(this.note, kind === "ok" ? "" : text);
      });
    }
    this.show();
  }

  show() {
    const { link, n } = this;
    const { state } = link;
    const over = state.done || link.ended || link.orphaned;
    if (link.orphaned !== this.orphaned) {
      this.orphaned = link.orphaned;
      const text = `the kernel was restarted: %tasks show ${state.title}`;
      setText(this.note, link.orphaned && !state.done ? text : "");
    }
    setText(this.done, `${count(doneOf(state.counts))} / ${count(n)}`);
    const facts = n === 1 ? this.#factsOfOne() : this.#facts();
    setText(
      this.rest,
      facts
        .filter(Boolean)
        .map((fact) => `· ${fact}`)
        .join(" "),
    );
    this.cancel.hidden = over;
    this.mark.show(link.codes[0] ?? 0);
    if (n === 1) this.bar.show(link.codes[0] ?? 0, link.share(0), state.title);
    else this.overall.show(state.counts, n, state.title, this.#sentence());
    this.rows.show(n === 1 ? [] : state.rows, this.selected);
    this.failures.show(state.fails);
    this.graph?.show();
    this.#showPanel();
    this.#speak(over);
  }

  #showPanel() {
    const { panel } = this;
    panel.element.hidden = this.selected < 0;
    if (this.selected < 0) return;
    const isApart = this.grid || this.graph?.isShown;
    const line = isApart ? null : this.rows.lines.get(this.selected)?.line.element;
    if (line && panel.element.parentElement !== line) line.append(panel.element);
    if (isApart && panel.element.parentElement !== this.root) {
      this.failures.element.before(panel.element);
    }
    panel.show(this.selected);
  }

  #facts() {
    const { state } = this.link;
    const { counts } = state;
    const over = state.done || this.link.ended;
    const running = amountOf(counts, STARTED);
    const left = this.link.etaAt - this.link.now();
    const gone = state.missing ? "no longer stored" : "";
    if (over) return [state.took === null ? "" : duration(state.took), gone];
    return [
      `${count(running)} running`,
      state.rate ? rateText(state.rate) : "",
      left > 0 ? `ETA ${duration(left, true)}` : "",
      gone,
    ];
  }

  #factsOfOne() {
    const { state } = this.link;
    const code = this.link.codes[0] ?? 0;
    const row = state.rows[0];
    if (!row) return [];
    const left = this.link.etaAt - this.link.now();
    const moving = !isFinished(code);
    return [
      moving ? row.msg : "",
      elapsed(this.link, row, code) || (state.took === null ? "" : duration(state.took)),
      moving && left > 0 ? `ETA ${duration(left, true)}` : "",
      row.retries ? `${moving ? "try" : "tries:"} ${row.retries + 1}` : "",
      row.host,
      state.missing ? "no longer stored" : "",
    ];
  }

  #sentence() {
    const { counts } = this.link.state;
    const parts = [`${count(doneOf(counts))} of ${count(this.n)} done`];
    const running = amountOf(counts, STARTED);
    if (running) parts.push(`${count(running)} running`);
    const failed = amountOf(counts, FAILURE);
    if (failed) parts.push(`${count(failed)} failed`);
    return parts.join(", ");
  }

  /** Tell a screen reader, rarely. @param {boolean} over */
  #speak(over) {
    const { title, counts } = this.link.state;
    const word = counts[SUCCESS] === this.n ? "success" : "ended";
    const one = WORDS[this.link.codes[0] ?? 0] ?? "";
    const text = `${title}: ${this.n === 1 ? one : over ? `${word}, ${this.#sentence()}` : this.#sentence()}`;
    const now = Date.now();
    if (text === this.spoken || (!over && now - this.spokenAt < SPOKEN_EVERY_MS)) return;
    this.spoken = text;
    this.spokenAt = now;
    setText(this.live, text);
  }
}

/** What a widget is made by. @param {typeof import("./graph.js").Graph} [Graph] */
export const boardWidget = (Graph) => () => {
  // `initialize` and `render` get different proxies of the model: the link is shared here.
  /** @type {Link | null} */
  let link = null;
  return {
    /** @param {{model: Model}} context */
    initialize({ model }) {
      link = new Link(model);
      return () => link?.close();
    },
    /** @param {{model: Model, el: HTMLElement}} context */
    render({ model, el }) {
      link ??= new Link(model);
      const stop = new AbortController();
      new BoardView(link, el, stop.signal, Graph);
      return () => stop.abort();
    },
  };
};
