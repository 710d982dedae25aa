// Which tasks of a table are ticked: one, a range, or all that a filter lets through.

import { count, make, setAttribute } from "./core.js";

/** @typedef {import("./pages.js").Pages} Pages */
/** @typedef {import("./pages.js").Row} Row */
/** @typedef {{place: number, row: Row | undefined}} Seat */
/** @typedef {[number, number]} Span first, stop */

export class Chosen {
  /** @param {Pages} pages @param {() => void} changed @param {AbortSignal} signal */
  constructor(pages, changed, signal) {
    this.pages = pages;
    this.changed = changed;
    /** @type {Set<number>} members */
    this.members = new Set();
    this.isAll = false;
    /** @type {boolean} the kernel is asked which all of them are */
    this.isAsking = false;
    this.anchor = -1;
    this.box = make("input", "nbt-box");
    this.box.type = "checkbox";
    this.box.addEventListener("change", () => this.#all(), { signal });
  }

  get size() {
    return this.members.size;
  }

  /** @param {number} i */
  has(i) {
    return this.members.has(i);
  }

  clear() {
    this.members.clear();
    this.isAll = this.isAsking = false;
    this.changed();
  }

  /** As runs of neighbours, for the kernel. @returns {Span[]} */
  spans() {
    /** @type {Span[]} */
    const found = [];
    for (const i of [...this.members].sort((a, b) => a - b)) {
      const last = found.at(-1);
      if (last && last[1] === i) last[1] = i + 1;
      else found.push([i, i + 1]);
    }
    return found;
  }

  show() {
    const { box, pages } = this;
    box.checked = this.isAsking || (this.isAll && this.size > 0);
    box.indeterminate = !box.checked && this.size > 0;
    setAttribute(box, "aria-label", `Select all ${count(pages.of)} tasks`);
  }

  /**
   * Let a box choose its task; with Shift all from the one that was clicked before.
   * @param {HTMLInputElement} box @param {() => Seat} seat @param {AbortSignal} signal
   */
  watch(box, seat, signal) {
    let isRange = false;
    const note = (/** @type {MouseEvent | KeyboardEvent} */ event) => {
      isRange = event.shiftKey;
    };
    box.addEventListener("pointerdown", note, { signal });
    box.addEventListener("click", note, { signal });
    box.addEventListener("keydown", note, { signal });
    const choose = () => {
      const { place, row } = seat();
      if (!row) {
        box.checked = false; // it is not known yet which one this is
        return;
      }
      if (isRange && this.anchor >= 0) this.#range(this.anchor, place, box.checked);
      this.#put([[row.i, row.i + 1]], box.checked);
      this.anchor = place;
    };
    box.addEventListener("change", choose, { signal });
  }

  /** @param {Span[]} spans @param {boolean} isOn */
  #put(spans, isOn) {
    for (const [first, stop] of spans) {
      for (let i = first; i < stop; i++) {
        if (isOn) this.members.add(i);
        else this.members.delete(i);
      }
    }
    this.isAll = false;
    this.changed();
  }

  /** @param {number} from @param {number} to @param {boolean} isOn */
  #range(from, to, isOn) {
    const [first, last] = from < to ? [from, to] : [to, from];
    this.#ask(first, last + 1, (spans) => this.#put(spans, isOn));
  }

  #all() {
    if (!this.box.checked) {
      this.clear();
      return;
    }
    this.isAsking = true;
    this.#ask(0, this.pages.of, (spans) => {
      if (!this.isAsking) return; // it was taken back meanwhile
      this.members.clear();
      this.#put(spans, true);
      this.isAll = true;
      this.changed();
    });
  }

  /** The members in some places: the kernel knows them all. @param {number} from @param {number} to @param {(spans: Span[]) => void} then */
  #ask(from, to, then) {
    const { link, wish } = this.pages;
    link.ask({ t: "members", from, to, ...wish }, ({ kind, text }, told) => {
      this.pages.says(kind === "ok" ? "" : text);
      if (told?.spans) then(told.spans);
      if (kind === "slow") return;
      this.isAsking = false;
      this.changed();
    });
  }
}
