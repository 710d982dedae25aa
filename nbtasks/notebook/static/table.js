// A table whose lines stay the same elements while what they tell changes.

import { make, setText } from "./core.js";

/** @typedef {{title: string, number?: boolean}} Column */
/**
 * @template Row
 * @typedef {{cells: HTMLElement[], show: (row: Row) => void}} Line
 */

/** @template Row */
export class Table {
  /**
   * @param {string} label @param {Column[]} columns
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
    this.title = make("div", "nbt-table-title", label);
    this.note = make("span", "nbt-facts");
    this.head = make("tr");
    this.body = make("tbody");
    /** @type {Map<string, {line: Line<Row>, element: HTMLElement, stop: AbortController}>} */
    this.lines = new Map();
    const table = make("table");
    const head = make("thead");
    table.setAttribute("aria-label", label);
    for (const { title, number } of columns) {
      const cell = make("th", number ? "nbt-number" : "", title);
      cell.scope = "col";
      this.head.append(cell);
    }
    head.append(this.head);
    table.append(head, this.body);
    this.element.append(this.title, table, this.note);
  }

  /** @param {Row[]} rows @param {string} [note] */
  show(rows, note = "") {
    const wanted = new Set(rows.map(this.key));
    for (const [key, { element, stop }] of this.lines) {
      if (wanted.has(key)) continue;
      stop.abort();
      element.remove();
      this.lines.delete(key);
    }
    rows.forEach((row, place) => {
      const found = this.lines.get(this.key(row)) ?? this.#add(row);
      found.line.show(row);
      const at = this.body.children[place] ?? null;
      if (at !== found.element) this.body.insertBefore(found.element, at);
    });
    setText(this.note, note);
    this.note.hidden = !note;
  }

  /** @param {Row} row */
  #add(row) {
    const stop = new AbortController();
    this.signal.addEventListener("abort", () => stop.abort(), { signal: stop.signal });
    const line = this.draw(row, stop.signal);
    const element = make("tr");
    line.cells.forEach((inner, at) => {
      const cell = make("td", this.columns[at]?.number ? "nbt-number" : "");
      cell.append(inner);
      element.append(cell);
    });
    const found = { line, element, stop };
    this.lines.set(this.key(row), found);
    return found;
  }
}
