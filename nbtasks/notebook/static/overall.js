// All tasks of a board: one bar, stacked by state, and its legend, which picks states.

import {
  count,
  isFinished,
  make,
  PROGRESS,
  STARTED,
  setAttribute,
  setText,
  WORDS,
} from "./core.js";
import { Mark } from "./parts.js";

// Of the stacked bar: what is done, what runs, what waits.
const ORDER = [3, 7, 6, 4, 1, 5, 0];

/** @param {number[]} counts @param {number} code */
export const amountOf = (counts, code) =>
  (counts[code] ?? 0) + (code === STARTED ? (counts[PROGRESS] ?? 0) : 0);

/** @param {number[]} counts */
export const doneOf = (counts) =>
  counts.reduce((sum, value, code) => (isFinished(code) ? sum + value : sum), 0);

export class Overall {
  /** @param {() => void} turned what is picked has changed @param {AbortSignal} signal */
  constructor(turned, signal) {
    this.turned = turned;
    /** @type {Set<number>} the states that are picked; none: all are shown */
    this.picked = new Set();
    this.bar = make("div", "nbt-bar nbt-overall");
    this.bar.setAttribute("role", "progressbar");
    setAttribute(this.bar, "aria-valuemin", "0");
    this.legend = make("ul", "nbt-legend");
    setAttribute(this.legend, "aria-label", "Show only");
    /** @type {Map<number, {piece: HTMLElement, item: HTMLElement, button: HTMLElement, amount: HTMLElement}>} */
    this.parts = new Map();
    for (const code of ORDER) {
      const piece = make("span", "nbt-piece");
      const amount = make("span", "nbt-amount");
      const mark = new Mark();
      mark.show(code);
      setAttribute(piece, "data-code", String(code));
      const { item, button } = this.#item(() => this.#turn(code), signal);
      button.append(mark.element, amount);
      this.bar.append(piece);
      this.parts.set(code, { piece, item, button, amount });
    }
    this.all = this.#item(() => this.clear(), signal);
    setText(this.all.button, "show all");
  }

  /** @param {() => void} act @param {AbortSignal} signal */
  #item(act, signal) {
    const item = make("li");
    const button = make("button", "nbt-state");
    button.type = "button";
    button.addEventListener("click", act, { signal });
    item.append(button);
    this.legend.append(item);
    return { item, button };
  }

  /** @param {number} code */
  #turn(code) {
    if (!this.picked.delete(code)) this.picked.add(code);
    this.turned();
  }

  /** Show all again. */
  clear() {
    this.picked.clear();
    this.turned();
  }

  /** Whether tasks in this state are to be seen. @param {number} code */
  lets(code) {
    return this.picked.size === 0 || this.picked.has(code === PROGRESS ? STARTED : code);
  }

  /** What is picked, in words. */
  words() {
    return ORDER.filter((code) => this.picked.has(code))
      .map((code) => WORDS[code])
      .join(", ");
  }

  /** @param {number[]} counts @param {number} n @param {string} label @param {string} text */
  show(counts, n, label, text) {
    for (const [code, { piece, item, button, amount }] of this.parts) {
      const value = amountOf(counts, code);
      const isPicked = this.picked.has(code);
      piece.style.width = `${(100 * value) / Math.max(1, n)}%`;
      piece.hidden = value === 0;
      item.hidden = value === 0 && !isPicked;
      setAttribute(button, "aria-pressed", String(isPicked));
      setText(amount, count(value));
    }
    this.all.item.hidden = this.picked.size === 0;
    setAttribute(this.bar, "aria-label", label);
    setAttribute(this.bar, "aria-valuemax", String(n));
    setAttribute(this.bar, "aria-valuenow", String(doneOf(counts)));
    setAttribute(this.bar, "aria-valuetext", text);
  }
}
