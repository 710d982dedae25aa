// What can be done with a table of tasks: filter it, act on what is ticked, take it along.

import {
  count,
  FAILURE,
  IGNORED,
  make,
  PENDING,
  PROGRESS,
  RETRY,
  REVOKED,
  STARTED,
  SUCCESS,
  setAttribute,
  setText,
} from "./core.js";
import { actButton, copyText, Mark, plainButton } from "./parts.js";

/** @typedef {import("./pages.js").Pages} Pages */
/** @typedef {import("./chosen.js").Chosen} Chosen */

const ALL = -1;
const STATES = [STARTED, PENDING, RETRY, SUCCESS, FAILURE, REVOKED, IGNORED];
const TYPED_MS = 250;

export class Tools {
  /**
   * @param {Pages} pages @param {Chosen} chosen
   * @param {(text: string) => void} says @param {AbortSignal} signal
   */
  constructor(pages, chosen, says, signal) {
    this.pages = pages;
    this.link = pages.link;
    this.chosen = chosen;
    this.says = says;
    this.signal = signal;
    /** @type {Map<number, {button: HTMLButtonElement, amount: HTMLElement}>} */
    this.states = new Map();
    this.filters = make("div", "nbt-tools");
    this.deeds = make("div", "nbt-tools nbt-deeds");
    this.selected = make("span", "nbt-facts");
    this.#filter();
    this.cancel = this.#deed("Cancel", "Cancel the selected tasks");
    this.retry = this.#deed("Retry", "Run the selected tasks that have failed again");
    this.none = plainButton("Clear", "Clear: select nothing", () => chosen.clear(), signal);
    this.#act();
  }

  #filter() {
    const group = make("div", "nbt-chips");
    group.setAttribute("role", "group");
    setAttribute(group, "aria-label", "Only those in a state");
    for (const code of [ALL, ...STATES]) {
      const button = plainButton("", "", () => this.#wish({ state: code }), this.signal);
      const amount = make("b", "nbt-amount");
      const mark = new Mark();
      button.classList.add("nbt-chip");
      mark.show(code);
      button.append(code === ALL ? make("span", "", "all") : mark.element, amount);
      this.states.set(code, { button, amount });
      group.append(button);
    }
    this.filters.append(group, this.#search());
  }

  #search() {
    const words = make("input", "nbt-search");
    words.type = "search";
    words.placeholder = "find in tasks and errors";
    setAttribute(words, "aria-label", "Only those with these words");
    let timer = 0;
    const find = () => {
      clearTimeout(timer);
      if (words.value !== this.pages.wish.text) this.#wish({ text: words.value });
    };
    const later = () => {
      clearTimeout(timer);
      timer = setTimeout(find, TYPED_MS);
    };
    words.addEventListener("input", later, { signal: this.signal });
    words.addEventListener("change", find, { signal: this.signal });
    this.signal.addEventListener("abort", () => clearTimeout(timer));
    return words;
  }

  /** @param {Partial<import("./pages.js").Wish>} wish */
  #wish(wish) {
    this.pages.set(wish);
    this.chosen.isAll = false;
    this.show();
  }

  /** @param {string} text @param {string} label */
  #deed(text, label) {
    const { chosen, link, says: note, signal } = this;
    /** @type {import("./chosen.js").Span[]} those that were asked about: others may be ticked by then */
    let spans = [];
    const sure = () => {
      spans = chosen.spans();
      return `Sure? ${count(chosen.size)}`;
    };
    const act = (/** @type {any} */ report) => link.ask({ t: text.toLowerCase(), spans }, report);
    return actButton({ text, label, sure, act, note, signal });
  }

  #act() {
    const told = { note: this.says, signal: this.signal };
    const save = actButton({
      text: "CSV",
      label: "Save what is shown as CSV",
      act: (report) => this.#save(report),
      ...told,
    });
    const frame = actButton({
      text: "DataFrame",
      label: "Copy code that makes a DataFrame of what is selected, or of all",
      act: (report) => this.#copy(report),
      ...told,
    });
    const rest = make("span", "nbt-rest");
    this.deeds.append(this.selected, this.cancel, this.retry, this.none, rest, save, frame);
  }

  /** @param {(reply: any, details?: any) => void} report */
  #save(report) {
    this.link.ask({ t: "csv", ...this.pages.wish }, (reply, told) => {
      if (told?.csv) download(told.csv, `${this.link.state.title}.csv`);
      report(reply, told);
    });
  }

  /** @param {(reply: any, details?: any) => void} report */
  #copy(report) {
    this.link.ask({ t: "write", spans: this.chosen.spans() }, (reply, told) => {
      const text = told?.text ?? "";
      if (text) copyText(text, (said) => report(reply, { said }), text);
      else report(reply);
    });
  }

  show() {
    const { link, pages, chosen } = this;
    const { counts, n } = link.state;
    for (const [code, { button, amount }] of this.states) {
      const running = code === STARTED ? (counts[PROGRESS] ?? 0) : 0;
      const found = code === ALL ? n : (counts[code] ?? 0) + running;
      const isOn = pages.wish.state === code;
      setText(amount, count(found));
      setAttribute(button, "aria-pressed", String(isOn));
      button.hidden = !found && !isOn && code !== ALL;
    }
    setText(this.selected, chosen.size ? `${count(chosen.size)} selected` : "nothing selected");
    for (const button of [this.cancel, this.retry]) {
      if (button.dataset.state !== "busy") button.disabled = !chosen.size || link.over;
    }
    this.none.hidden = !chosen.size;
  }
}

/** @param {string} text @param {string} name */
function download(text, name) {
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
