// A table whose lines stay the same elements while what they tell changes.

import { make, setAttribute, setText } from "./core.js";

/**
 * @template Row
 * @typedef {{title: string, number?: boolean, text?: (row: Row) => string}} Column with `text` it
 *   needs no cell of the line's own
 */
/**
 * @template Row
 * @typedef {{cells: HTMLElement[], show: (row: Row) => void, below?: HTMLElement}} Line
 *   `below` goes over all columns, and is there while it is not hidden
 */

/** @template Row */
export class Table {
  /**
   * @param {string} label @param {Column<Row>[]} columns
   * @param {(row: Row) => string} key
   * @param {(row: Row, signal: AbortSignal) => Line<Row>} draw
   * @param {AbortSignal} signal
   */
  constructor(label, columns, key, draw, signal) {
    this.columns = columns;
    this.key = key;
    this.draw = draw;
    this.signal = signal;
    this.element = make("div", "nbt-table");
    this.element.tabIndex = -1;
    this.title = make("div", "nbt-table-title", label);
    this.note = make("span", "nbt-facts");
    this.head = make("tr");
    this.body = make("tbody");
    /** @type {Map<string, {show: (row: Row) => void, elements: HTMLElement[], stop: AbortController}>} */
    this.lines = new Map();
    this.table = make("table");
    const head = make("thead");
    this.table.setAttribute("aria-label", label);
    for (const { title, number } of columns) {
      const cell = make(title ? "th" : "td", number ? "nbt-number" : "", title);
      if (title) setAttribute(cell, "scope", "col");
      this.head.append(cell);
    }
    head.append(this.head);
    this.table.append(head, this.body);
    this.element.append(this.title, this.table, this.note);
  }

  /** @param {Row[]} rows @param {string} [note] */
  show(rows, note = "") {
    const wanted = new Set(rows.map(this.key));
    for (const [key, { elements, stop }] of this.lines) {
      if (wanted.has(key)) continue;
      stop.abort();
      for (const element of elements) element.remove();
      this.lines.delete(key);
    }
    let at = this.body.firstElementChild;
    for (const row of rows) {
      const found = this.lines.get(this.key(row)) ?? this.#add(row);
      found.show(row);
      for (const element of found.elements) {
        if (at === element) at = at.nextElementSibling;
        else this.body.insertBefore(element, at);
      }
    }
    setText(this.note, note);
    this.note.hidden = !note;
  }

  /** @param {Row} row */
  #add(row) {
    const stop = new AbortController();
    this.signal.addEventListener("abort", () => stop.abort(), { signal: stop.signal });
    const { cells, show, below } = this.draw(row, stop.signal);
    /** @type {[HTMLElement, (row: Row) => string][]} */
    const texts = [];
    const main = make("tr");
    let next = 0;
    for (const { number, text } of this.columns) {
      const cell = make("td", number ? "nbt-number" : "");
      const inner = text ? make("span") : cells[next++];
      if (inner) cell.append(inner);
      if (inner && text) texts.push([inner, text]);
      main.append(cell);
    }
    const found = {
      elements: [main],
      stop,
      show: (/** @type {Row} */ row) => {
        for (const [inner, text] of texts) setText(inner, text(row));
        show(row);
        if (below) under.hidden = below.hidden;
      },
    };
    const under = make("tr", "nbt-under");
    if (below) {
      const wide = make("td");
      wide.colSpan = this.columns.length;
      wide.append(below);
      under.append(wide);
      found.elements.push(under);
    }
    this.lines.set(this.key(row), found);
    return found;
  }
}
