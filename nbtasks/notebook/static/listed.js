// Which tasks of many have a line: those that run longest, or the first in the states picked.

import { count, make, STARTED, setText } from "./core.js";
import { amountOf } from "./overall.js";
import { plainButton } from "./parts.js";

/** @typedef {import("./link.js").Link} Link */
/** @typedef {import("./link.js").Row} Row */
/** @typedef {import("./overall.js").Overall} Overall */

/** So many have a line at first; where there are no more tasks, all. */
export const ROWS = 12;
const LINES = 96;
const AGAIN_MS = 500;

export class Listed {
  /** @param {Link} link @param {Overall} overall @param {() => void} turned @param {AbortSignal} signal */
  constructor(link, overall, turned, signal) {
    this.link = link;
    this.overall = overall;
    this.most = ROWS;
    /** @type {Map<number, Row>} what the kernel told of those picked */
    this.known = new Map();
    this.asked = "";
    this.askedAt = 0;
    this.asking = false;
    this.timer = 0;
    this.turned = turned;
    signal.addEventListener("abort", () => clearTimeout(this.timer));
    this.caption = make("div", "nbt-caption");
    const grow = () => {
      this.most = Math.min(LINES, this.most + ROWS);
      turned();
    };
    this.more = plainButton("more", "", grow, signal);
    this.more.classList.add("nbt-small", "nbt-more");
  }

  /** What is picked has changed. */
  restart() {
    this.most = ROWS;
    this.asked = "";
  }

  /** The tasks that have a line now. @returns {Row[]} */
  rows() {
    const { state, codes } = this.link;
    const { picked } = this.overall;
    const isFew = state.n <= ROWS;
    this.more.hidden = true;
    if (isFew) return state.rows.filter(({ i }) => this.overall.lets(codes[i] ?? 0));
    if (picked.size === 0 || (picked.size === 1 && picked.has(STARTED))) {
      setText(this.caption, state.rows.length ? "running longest" : "");
      return state.rows;
    }
    const found = this.#first();
    const all = [...picked].reduce((sum, code) => sum + amountOf(state.counts, code), 0);
    const some = all > found.length ? `, ${count(found.length)} of ${count(all)}` : "";
    setText(this.caption, all ? `${this.overall.words()}${some}` : `none: ${this.overall.words()}`);
    this.more.hidden = all <= found.length || this.most >= LINES;
    this.#ask(found);
    const fresh = new Map(state.rows.map((row) => [row.i, row]));
    return found.map((i) => fresh.get(i) ?? this.known.get(i) ?? this.#blank(i));
  }

  /** The first tasks that are picked. */
  #first() {
    const { codes } = this.link;
    /** @type {number[]} */
    const found = [];
    for (let i = 0; i < codes.length && found.length < this.most; i += 1) {
      if (this.overall.lets(codes[i] ?? 0)) found.push(i);
    }
    return found;
  }

  /** @param {number} i @returns {Row} */
  #blank(i) {
    return { i, label: this.link.label(i), a: 0, e: 0, host: "", msg: "", err: "", retries: 0 };
  }

  /** Ask for their lines, not too often. @param {number[]} members */
  #ask(members) {
    const { link } = this;
    const key = members.map((i) => `${i}:${link.codes[i]}`).join();
    if (!key || key === this.asked || this.asking) return;
    if (link.ended || link.orphaned) return;
    const early = this.asked ? this.askedAt + AGAIN_MS - Date.now() : 0;
    clearTimeout(this.timer);
    if (early > 0) {
      this.timer = setTimeout(this.turned, early); // nothing may come any more that shows it
      return;
    }
    this.asked = key;
    this.askedAt = Date.now();
    this.asking = true;
    link.ask({ t: "page", of: members }, ({ kind }, told) => {
      if (kind === "slow") return;
      this.asking = false;
      if (told?.rows) this.known = new Map(told.rows.map((/** @type {Row} */ row) => [row.i, row]));
    });
  }
}
