// The Board: many tasks in one widget.

import { rateText } from "./amounts.js";
import { Panel } from "./card.js";
import { widgetOf } from "./channel.js";
import {
  count,
  duration,
  FAILURE,
  make,
  PENDING,
  RETRY,
  STARTED,
  SUCCESS,
  setAttribute,
  setText,
  watchTheme,
} from "./core.js";
import { Failing } from "./failing.js";
import { focusIn, keepFocus } from "./focus.js";
import { Grid } from "./grid.js";
import { Link } from "./link.js";
import { Listed, ROWS } from "./listed.js";
import { amountOf, doneOf, Overall } from "./overall.js";
import { actButton, sayGone, watchLooks } from "./parts.js";
import { Failures, Rows } from "./rows.js";
import { tabs } from "./tabs.js";

const SPOKEN_EVERY_MS = 5000;
const TICK_MS = 1000;

class BoardView {
  selected = -1;
  spokenAt = 0;
  spoken = "";
  frame = 0;
  isInRow = false;
  /** @type {HTMLElement | null} what the details were opened from */
  opener = null;
  /** @type {Set<number> | null} */
  changed = null;

  /**
   * @param {Link} link @param {HTMLElement} host @param {AbortSignal} signal
   * @param {typeof import("./graph.js").Graph} [Graph] where the tasks are a canvas
   */
  constructor(link, host, signal, Graph) {
    const n = link.state.n;
    this.link = link;
    this.n = n;
    this.root = make("section", "nbt");
    this.root.tabIndex = -1;
    this.note = make("span", "nbt-says");
    this.done = make("b", "nbt-done");
    this.rest = make("span", "nbt-facts");
    this.live = make("div", "nbt-live");
    this.overall = new Overall(() => this.#pick(), signal);
    this.listed = new Listed(link, this.overall, () => this.show(), signal);
    const actions = {
      note: (/** @type {string} */ text) => setText(this.note, text),
      select: (/** @type {number} */ i) => this.select(i),
      announce: (/** @type {string} */ text) => setText(this.live, text),
      lets: (/** @type {number} */ code) => this.overall.lets(code),
      next: () => this.nextFailure(true),
    };
    this.failures = new Failures(actions.select, signal);
    this.failing = new Failing(link, actions, signal);
    this.cancel = this.#cancelButton(actions.note, signal);
    this.cancelWaiting = this.#cancelWaitingButton(actions.note, signal);
    this.grid = n > ROWS ? new Grid(link, signal, actions) : null;
    this.rows = new Rows(link, actions, signal);
    this.panel = new Panel(link, () => this.select(this.selected), actions.note, signal);
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
    head.append(title, this.note, this.cancelWaiting, this.cancel);
    summary.append(this.done, this.rest, this.failing.element);
    this.root.append(head, summary, this.overall.bar, this.overall.legend, this.failing.text);
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
    cells.append(this.listed.caption, this.rows.element, this.listed.more);
    this.root.append(this.panel.element, this.failures.element, this.live);
  }

  /** @param {(text: string) => void} note @param {AbortSignal} signal */
  #cancelButton(note, signal) {
    const left = () => this.n - doneOf(this.link.state.counts);
    return actButton({
      text: "Cancel all",
      label: "Cancel all unfinished tasks",
      sure: () => `Sure? ${count(left())}`,
      act: (report) => this.link.ask({ t: "cancel", i: null }, report),
      note,
      signal,
    });
  }

  /** @param {(text: string) => void} note @param {AbortSignal} signal */
  #cancelWaitingButton(note, signal) {
    const waiting = () => this.#waiting();
    return actButton({
      text: "Cancel pending",
      label: "Cancel pending tasks: what runs goes on",
      sure: () => `Sure? ${count(waiting())}`,
      act: (report) => this.link.ask({ t: "cancel", waiting: true }, report),
      note,
      signal,
    });
  }

  #waiting() {
    const { counts } = this.link.state;
    return (counts[PENDING] ?? 0) + (counts[RETRY] ?? 0);
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
    this.root.addEventListener("keydown", (event) => this.#key(event), { signal });
    signal.addEventListener("abort", () => {
      link.listeners.delete(hear);
      clearInterval(timer);
      cancelAnimationFrame(this.frame);
    });
    watchLooks(this.root, link, signal);
  }

  /** Paint with the next frame. @param {Iterable<number> | null} changed null: everything */
  #later(changed) {
    if (!this.frame) this.changed = new Set();
    if (changed === null) this.changed = null;
    else for (const i of changed) this.changed?.add(i);
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.#keep(() => {
        this.#show();
        if (this.changed !== null && !this.changed.size) return;
        this.grid?.paint(this.changed);
        this.graph?.paint(this.changed);
      });
    });
  }

  /** Open the details of a task; again closes them. @param {number} i @param {boolean} [isKept] not so */
  select(i, isKept = false) {
    if (i < 0) return;
    const isOpen = this.selected !== i || isKept;
    const held = focusIn(this.root);
    if (isOpen && held && !this.panel.element.contains(held)) this.opener = held;
    this.selected = isOpen ? i : -1;
    this.isInRow = !this.graph?.isShown && this.rows.lines.has(i);
    if (this.selected >= 0 && !this.link.ended) {
      this.link.ask({ t: "detail", i }, ({ kind, text }) => {
        setText(this.note, kind === "ok" ? "" : text);
      });
    }
    this.show();
  }

  /** Other states are picked. */
  #pick() {
    this.listed.restart();
    this.grid?.paint(null);
    this.show();
    const words = this.overall.words();
    setText(this.live, words ? `only ${words}` : "all are shown");
  }

  /** Go to the next task that has failed. @param {boolean} isOpened its details, too */
  nextFailure(isOpened) {
    if (this.graph?.isShown) {
      this.graph.nextFailure();
      return;
    }
    const cell = this.grid?.nextFailure() ?? -1;
    const i = this.grid ? (cell < 0 ? -1 : this.grid.member(cell)) : this.#nextFailedRow();
    if (i < 0) {
      setText(this.live, "no failure");
      return;
    }
    this.grid?.move(cell);
    if (!isOpened) (this.grid?.canvas ?? this.rows.lines.get(i)?.line.name)?.focus();
    if (isOpened || this.selected >= 0) this.select(i, true);
  }

  #nextFailedRow() {
    const held = focusIn(this.root);
    const lines = [...this.rows.lines.keys()].sort((a, b) => a - b);
    const failed = lines.filter((i) => this.link.codes[i] === FAILURE);
    const isHere = (/** @type {number} */ i) =>
      this.rows.lines.get(i)?.line.element.contains(held) ?? false;
    const from = lines.find(isHere) ?? this.selected;
    return failed.find((i) => i > from) ?? failed[0] ?? -1;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "f") this.nextFailure(false);
    else if (event.key !== "Escape") return;
    else if (this.selected >= 0 && this.n > 1) this.select(this.selected);
    else if (this.overall.picked.size) this.overall.clear();
    else return;
    // The notebook has shortcuts of its own on these keys.
    event.preventDefault();
    event.stopPropagation();
  }

  /** What is to have the focus where it goes from what has it. @param {HTMLElement} held */
  #near(held) {
    if (this.panel.element.contains(held)) return this.opener;
    return this.graph?.element.contains(held) ? this.graph.current : null;
  }

  show() {
    this.#keep(() => this.#show());
  }

  /** @param {() => void} change */
  #keep(change) {
    keepFocus(this.root, change, (held) => this.#near(held));
  }

  #show() {
    const { link, n } = this;
    const { state } = link;
    const over = state.done || link.ended || link.orphaned;
    sayGone(link, this.root, this.note);
    setText(this.done, `${count(doneOf(state.counts))} / ${count(n)}`);
    setText(
      this.rest,
      this.#facts()
        .filter(Boolean)
        .map((fact) => `· ${fact}`)
        .join(" "),
    );
    this.cancel.hidden = over;
    const isMixed = this.#waiting() > 0 && amountOf(state.counts, STARTED) > 0;
    this.cancelWaiting.hidden = over || !isMixed || !state.caps.includes("waiting");
    this.failing.show();
    this.overall.show(state.counts, n, state.title, this.#sentence());
    this.rows.show(this.listed.rows(), this.selected);
    this.graph?.dim((code) => this.overall.lets(code));
    this.failures.show(state.fails);
    this.graph?.show();
    this.#showPanel();
    this.#speak(over);
  }

  #showPanel() {
    const { panel } = this;
    panel.element.hidden = this.selected < 0;
    if (this.selected < 0) return;
    const line = this.rows.lines.get(this.selected)?.line.element;
    // Once its line has gone it stays apart: it is not to jump while it is read.
    this.isInRow = this.isInRow && line !== undefined;
    const after = this.graph?.isShown ? this.failures.element : this.listed.caption;
    if (line && this.isInRow && !this.graph?.isShown) {
      if (panel.element.parentElement !== line) line.append(panel.element);
    } else if (panel.element.nextSibling !== after) after.before(panel.element);
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
    const text = `${title}: ${over ? `${word}, ${this.#sentence()}` : this.#sentence()}`;
    const now = Date.now();
    if (text === this.spoken || (!over && now - this.spokenAt < SPOKEN_EVERY_MS)) return;
    this.spoken = text;
    this.spokenAt = now;
    setText(this.live, text);
  }
}

/** What a widget is made by. @param {typeof import("./graph.js").Graph} [Graph] */
export const boardWidget = (Graph) =>
  widgetOf(
    (model) => new Link(model),
    (link, el, signal) => new BoardView(link, el, signal, Graph),
  );
