// The rows of a table that the kernel has: fetched as they come into view, kept for a while.

import { SUCCESS } from "./core.js";

/** @typedef {import("./link.js").Link} Link */
/** @typedef {import("./channel.js").Reply} Reply */
/**
 * @typedef {{i: number, label: string, a: number, e: number, host: string, msg: string,
 *   err: string, retries: number, code: number}} Row
 */
/** @typedef {{state: number, text: string, sort: string, down: boolean}} Wish */

const PAGE = 200;
const KEPT = 4000;
const NEAR = 1000;
const AT_ONCE = 100;
const AGAIN_MS = 1000;
// What is costly to find is asked for less often: of the kernel's time it may have a tenth.
const SHARE = 10;
const REST_MS = 60;

export class Pages {
  /**
   * @param {Link} link @param {() => void} changed
   * @param {(text: string, before?: string) => void} says what it said before is no longer so
   * @param {AbortSignal} signal
   */
  constructor(link, changed, says, signal) {
    this.link = link;
    this.changed = changed;
    this.turned = () => {};
    this.says = says;
    this.said = "";
    /** @type {Wish} */
    this.wish = { state: -1, text: "", sort: "", down: false };
    this.of = link.state.n;
    /** @type {number} the member that is open; -1: none */
    this.open = -1;
    /** @type {number} its place; -1: it is not among them */
    this.openAt = -1;
    /** @type {Map<number, {row: Row, age: number}>} by place */
    this.rows = new Map();
    /** @type {Map<number, string>} by member */
    this.values = new Map();
    this.age = 0;
    this.first = 0;
    this.stop = 0;
    this.isStale = true;
    this.isAsking = false;
    this.isReading = false;
    this.took = 0;
    this.timer = 0;
    this.rest = 0;
    let turn = link.state.turn;
    const hear = () => {
      if (turn !== link.state.turn) this.#later(); // an answer changes nothing
      turn = link.state.turn;
    };
    link.listeners.add(hear);
    signal.addEventListener("abort", () => {
      link.listeners.delete(hear);
      clearTimeout(this.timer);
      clearTimeout(this.rest);
    });
  }

  /** The task in a place, as it was told last. @param {number} place */
  at(place) {
    return this.rows.get(place)?.row;
  }

  /** These places are in view. @param {number} first @param {number} stop */
  look(first, stop) {
    this.first = first;
    this.stop = stop;
    this.#fetch();
  }

  /** Show others, or in another order. @param {Partial<Wish>} wish */
  set(wish) {
    this.wish = { ...this.wish, ...wish };
    this.stop -= this.first;
    this.first = 0;
    this.turned();
    this.refresh();
  }

  refresh() {
    this.isStale = true;
    this.#fetch();
  }

  #later() {
    if (this.timer || this.link.over) return;
    this.timer = setTimeout(
      () => {
        this.timer = 0;
        this.refresh();
      },
      Math.max(AGAIN_MS, SHARE * this.took),
    );
  }

  /** What to ask for next; null: all is there. */
  #missing() {
    const stop = Math.max(this.stop, this.first + 1);
    if (this.isStale) return { from: this.first, to: Math.min(stop, this.first + PAGE) };
    for (let place = this.first; place < Math.min(stop, this.of); place++) {
      if (this.rows.get(place)?.age === this.age) continue;
      const from = place - (place % PAGE);
      return { from, to: from + PAGE };
    }
    return null;
  }

  #fetch() {
    if (this.isAsking || this.link.over) return;
    const missing = this.#missing();
    if (!missing) {
      this.#rest();
      return;
    }
    const { wish, open, isStale: fresh } = this;
    const began = performance.now();
    this.isStale = false;
    this.isAsking = true;
    const message = { t: "page", ...missing, fresh, open, ...wish };
    this.link.ask(message, (reply, told) => {
      if (!this.#isOver(reply)) return;
      this.isAsking = false;
      if (fresh) this.took = performance.now() - began;
      if (!told?.rows) {
        this.#later();
        return;
      }
      if (wish === this.wish) {
        if (open === this.open) this.openAt = told.open;
        this.#take(told, fresh);
      }
      this.#fetch();
    });
  }

  /** Say what there is to say of an answer; whether it is the last. @param {Reply} reply */
  #isOver({ kind, text }) {
    const words = kind === "ok" ? "" : text;
    this.says(words, this.said);
    this.said = words;
    return kind !== "slow";
  }

  /**
   * @param {{rows: Row[], from: number, of: number, n: number, counts: number[]}} told
   * @param {boolean} fresh
   */
  #take({ rows, from, of, n, counts }, fresh) {
    // A message that came before anybody listened here is lost; what is asked for is not.
    Object.assign(this.link.state, { n, counts });
    this.of = of;
    if (fresh) this.age++;
    rows.forEach((row, at) => {
      this.rows.set(from + at, { row, age: this.age });
      if (row.code !== SUCCESS) this.values.delete(row.i);
    });
    for (const [place] of this.rows) {
      const isNear = Math.abs(place - this.first) < NEAR;
      if (place >= of || (this.rows.size > KEPT && !isNear)) this.rows.delete(place);
    }
    this.changed();
  }

  /** Nothing moves for a moment: read the values of what is in view. */
  #rest() {
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.#read(), REST_MS);
  }

  #read() {
    /** @type {number[]} */
    const members = [];
    for (let place = this.first; place < this.stop && members.length < AT_ONCE; place++) {
      const row = this.at(place);
      if (row?.code === SUCCESS && !this.values.has(row.i)) members.push(row.i);
    }
    if (!members.length || this.isReading || this.link.over) return;
    this.isReading = true;
    this.link.ask({ t: "values", members }, (reply, told) => {
      if (!this.#isOver(reply)) return;
      this.isReading = false;
      if (!told?.values) return;
      for (const [i, words] of told.values) this.values.set(i, words);
      while (this.values.size > KEPT) this.values.delete([...this.values.keys()][0] ?? -1);
      this.changed();
      this.#rest();
    });
  }
}
