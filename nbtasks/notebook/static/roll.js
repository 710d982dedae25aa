// A window on very many lines of a table: only those in view are in the page.

import { make, setAttribute } from "./core.js";

/** @template Row @typedef {import("./table.js").Table<Row>} Table */

const VIEW = 440;
const AROUND = 6;
// A browser can scroll no further than some 17 million pixels.
export const MOST = 400000;

/** Where lines stand: one is as tall as another, but one of them may be open, and has more below. */
export class Ruler {
  constructor() {
    this.line = 30;
    this.open = -1;
    this.extra = 0;
  }

  /** Where a line begins. @param {number} place */
  top(place) {
    return place * this.line + (this.open >= 0 && place > this.open ? this.extra : 0);
  }

  /** The line at some height. @param {number} y */
  at(y) {
    const below = (this.open + 1) * this.line;
    if (this.open < 0 || y < below) return Math.max(0, Math.floor(y / this.line));
    return Math.max(this.open, Math.floor((y - this.extra) / this.line));
  }
}

/** @template Row */
export class Roll {
  /**
   * @param {Table<Row>} table it scrolls
   * @param {() => void} look others are in view
   * @param {AbortSignal} signal
   */
  constructor(table, look, signal) {
    this.table = table;
    this.box = table.element;
    this.look = look;
    this.ruler = new Ruler();
    this.of = 0;
    this.first = 0;
    this.stop = 0;
    /** @type {number} the line whose parts the Tab key comes to */
    this.cursor = 0;
    this.frame = 0;
    this.above = this.#space();
    this.below = this.#space();
    table.body.before(this.above);
    table.body.after(this.below);
    this.box.classList.add("nbt-page");
    this.box.addEventListener("scroll", () => this.#later(), { signal });
    table.body.addEventListener("keydown", (event) => this.#key(event), { signal });
    table.body.addEventListener("focusin", (event) => this.#focused(event), { signal });
    const observer = new ResizeObserver(() => this.#later());
    observer.observe(this.box);
    signal.addEventListener("abort", () => {
      observer.disconnect();
      cancelAnimationFrame(this.frame);
    });
  }

  #space() {
    const body = make("tbody", "nbt-space");
    const line = make("tr");
    const cell = make("td");
    cell.colSpan = this.table.columns.length;
    body.setAttribute("aria-hidden", "true");
    line.append(cell);
    body.append(line);
    return body;
  }

  #later() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      const { first, stop } = this.range();
      if (first !== this.first || stop !== this.stop) this.look();
    });
  }

  /** The lines in view, and some around them. */
  range() {
    const { scrollTop, clientHeight } = this.box;
    const first = Math.max(0, this.ruler.at(scrollTop) - AROUND);
    const last = this.ruler.at(scrollTop + Math.max(clientHeight, VIEW));
    return { first: Math.min(first, this.of), stop: Math.min(this.of, last + 1 + AROUND) };
  }

  /**
   * Put the lines that are in view into the page.
   * @param {number} of how many there are
   * @param {number} open the place of the one that has more below; -1: none
   * @param {(place: number) => Row} row that of a place
   * @param {string} note
   */
  show(of, open, row, note) {
    this.of = Math.min(of, MOST);
    this.ruler.open = open;
    const { first, stop } = this.range();
    this.first = first;
    this.stop = stop;
    this.cursor = Math.max(first, Math.min(this.cursor, stop - 1));
    /** @type {Row[]} */
    const found = [];
    for (let place = first; place < stop; place++) found.push(row(place));
    this.table.show(found, note);
    this.#measure(open);
    this.#fill(this.above, this.ruler.top(first));
    this.#fill(this.below, this.ruler.top(this.of) - this.ruler.top(stop));
  }

  /** @param {number} open */
  #measure(open) {
    const { ruler } = this;
    const height = (/** @type {number} */ place, /** @type {number} */ part) =>
      this.#line(place)[part]?.getBoundingClientRect().height ?? 0;
    ruler.line = height(this.first, 0) || ruler.line;
    ruler.extra = open < 0 ? 0 : height(open, 1) || ruler.extra;
  }

  /** A line, and what is below it. @param {number} place @returns {HTMLElement[]} */
  #line(place) {
    return this.table.lines.get(String(place))?.elements ?? [];
  }

  /** @param {HTMLElement} space @param {number} height */
  #fill(space, height) {
    space.hidden = height <= 0;
    const cell = space.querySelector("td");
    if (cell) cell.style.height = `${Math.max(0, height)}px`;
  }

  toTop() {
    this.box.scrollTop = 0;
    this.cursor = 0;
  }

  /** Bring a line into view, and its part to the keyboard. @param {number} place @param {number} part */
  go(place, part) {
    const to = Math.max(0, Math.min(place, this.of - 1));
    const { line } = this.ruler;
    const head = this.table.head.getBoundingClientRect().height;
    const [top, height] = [this.ruler.top(to), this.box.clientHeight - head];
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    if (top + line > this.box.scrollTop + height) this.box.scrollTop = top + line - height;
    this.cursor = to;
    this.look();
    this.#parts(this.#line(to)[0])[part]?.focus({ preventScroll: true });
  }

  /** @param {Element | undefined} line @returns {HTMLElement[]} */
  #parts(line) {
    return [...(line?.querySelectorAll("input, button") ?? [])].map(
      (each) => /** @type {HTMLElement} */ (each),
    );
  }

  /** @param {Event} event @returns {{place: number, part: number} | null} */
  #where(event) {
    const at = /** @type {HTMLElement} */ (event.target);
    for (const [key, { elements }] of this.table.lines) {
      const [line] = elements;
      if (line?.contains(at)) return { place: Number(key), part: this.#parts(line).indexOf(at) };
    }
    return null;
  }

  /** @param {FocusEvent} event */
  #focused(event) {
    const where = this.#where(event);
    if (!where || where.place === this.cursor) return;
    this.cursor = where.place;
    this.look();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const where = this.#where(event);
    const page = Math.max(1, Math.floor(this.box.clientHeight / this.ruler.line) - 2);
    /** @type {Record<string, number>} */
    const steps = { ArrowUp: -1, ArrowDown: 1, PageUp: -page, PageDown: page };
    const step = steps[event.key];
    if (!where || where.part < 0) return;
    if (step !== undefined) this.go(where.place + step, where.part);
    else if (event.key === "Home") this.go(0, where.part);
    else if (event.key === "End") this.go(this.of - 1, where.part);
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      const to = where.part + (event.key === "ArrowLeft" ? -1 : 1);
      this.go(where.place, Math.max(0, to));
    } else return;
    // The notebook has shortcuts of its own on these keys.
    event.preventDefault();
    event.stopPropagation();
  }
}

/** The place of a line among all, for who cannot see it. @param {Element} cell @param {number} place */
export function numberLine(cell, place) {
  const line = cell.closest("tr");
  if (line) setAttribute(line, "aria-rowindex", String(place + 2));
}
