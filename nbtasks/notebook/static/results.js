// Results: tasks as a table, a page at a time; the kernel sorts and filters.

import { Channel } from "./channel.js";
import { count, duration, isFinished, make, setAttribute, setText, watchTheme } from "./core.js";
import { actButton, confirmButton, Mark, watchLooks } from "./parts.js";
import { Table } from "./table.js";

/** @typedef {import("./channel.js").Model} Model */
/** @typedef {import("./channel.js").Told} Told */
/**
 * @typedef {{i: number, label: string, a: number, e: number, host: string, msg: string,
 *   err: string, retries: number, code: number}} Row
 */
/** @typedef {Told & {n: number, counts: number[], turn: number}} Whole */

const PAGE = 200;
const AGAIN_MS = 1000;
const SORTS = ["", "task", "state", "took", "", "", ""];
const COLUMNS = [
  { title: "" },
  { title: "task" },
  { title: "state" },
  { title: "took", number: true },
  { title: "worker" },
  { title: "tries", number: true },
  { title: "error" },
];
const FILTERS = [
  [-1, "all states"],
  [0, "pending"],
  [1, "running"],
  [3, "success"],
  [4, "failure"],
  [5, "retry"],
  [6, "revoked"],
];

class ResultsView {
  /** @param {Channel<Whole>} link @param {HTMLElement} host @param {AbortSignal} signal */
  constructor(link, host, signal) {
    this.link = link;
    this.wish = { from: 0, sort: "", down: false, state: -1, text: "" };
    this.of = link.state.n;
    this.asking = false;
    this.again = false;
    this.timer = 0;
    /** @type {Set<number>} */
    this.selected = new Set();
    this.root = make("section", "nbt nbt-wide");
    this.note = make("span", "nbt-says");
    this.place = make("span", "nbt-facts");
    this.bar = make("div", "nbt-tools");
    this.note.setAttribute("role", "status");
    this.says = (/** @type {string} */ text) => setText(this.note, text);
    this.table = new Table(
      link.state.title,
      COLUMNS,
      (/** @type {Row} */ row) => String(row.i),
      (row, stop) => this.#row(row.i, stop),
      signal,
    );
    this.table.title.hidden = true;
    this.table.element.classList.add("nbt-page");
    this.table.element.tabIndex = 0;
    this.table.element.setAttribute("role", "group");
    setAttribute(this.table.element, "aria-label", "rows");
    this.#build(signal);
    host.append(this.root);
    watchTheme(this.root, signal, () => {});
    let turn = link.state.turn;
    const hear = () => {
      if (turn !== link.state.turn) this.#later(); // an answer changes nothing
      turn = link.state.turn;
    };
    link.listeners.add(hear);
    signal.addEventListener("abort", () => {
      link.listeners.delete(hear);
      clearTimeout(this.timer);
    });
    watchLooks(this.root, link, signal);
    this.ask();
  }

  /** @param {AbortSignal} signal */
  #build(signal) {
    const { state } = this.link;
    setAttribute(this.root, "aria-label", `Results: ${state.title}`);
    const head = make("div", "nbt-head");
    const title = make("div", "nbt-title");
    title.append(make("bdi", "nbt-name-all", state.title), this.place);
    head.append(title, this.note);
    this.#sorts(signal);
    const pages = [
      this.#plain("‹", "The page before", () => this.turn(-PAGE), signal),
      this.#plain("›", "The next page", () => this.turn(PAGE), signal),
    ];
    this.bar.append(...this.#filters(signal), ...this.#deeds(signal), ...pages);
    this.root.append(head, this.bar, this.table.element);
  }

  /** @param {AbortSignal} signal */
  #sorts(signal) {
    SORTS.forEach((sort, at) => {
      const cell = this.table.head.children[at];
      if (!sort || !cell) return;
      const button = make("button", "nbt-sort", cell.textContent ?? "");
      button.type = "button";
      button.addEventListener(
        "click",
        () => {
          const down = this.wish.sort === sort && !this.wish.down;
          for (const one of this.table.head.children) one.removeAttribute("aria-sort");
          cell.setAttribute("aria-sort", down ? "descending" : "ascending");
          this.set({ sort, down });
        },
        { signal },
      );
      cell.replaceChildren(button);
    });
  }

  /** @param {AbortSignal} signal */
  #filters(signal) {
    const states = make("select", "nbt-button");
    for (const [code, name] of FILTERS) {
      const option = make("option", "", String(name));
      option.value = String(code);
      states.append(option);
    }
    setAttribute(states, "aria-label", "Only those in a state");
    states.addEventListener("change", () => this.set({ state: Number(states.value) }), { signal });
    const words = make("input", "nbt-search");
    words.type = "search";
    words.placeholder = "find in tasks and errors";
    setAttribute(words, "aria-label", "Only those with these words");
    words.addEventListener("change", () => this.set({ text: words.value }), { signal });
    return [states, words];
  }

  /** @param {AbortSignal} signal */
  #deeds(signal) {
    const members = () => [...this.selected];
    const many = () => `Sure? ${count(this.selected.size)}`;
    const act = (/** @type {string} */ t) => (/** @type {any} */ report) =>
      this.link.ask({ t, members: members() }, report);
    const told = { note: this.says, signal };
    this.cancel = confirmButton({
      text: "Cancel",
      label: "Cancel the selected tasks",
      sure: many,
      act: act("cancel"),
      ...told,
    });
    this.retry = confirmButton({
      text: "Retry",
      label: "Run the selected tasks that have failed again",
      sure: many,
      act: act("retry"),
      ...told,
    });
    const save = actButton({
      text: "CSV",
      label: "Save what is shown as CSV",
      act: (report) =>
        this.link.ask({ t: "csv", ...this.wish }, (reply, details) => {
          if (details?.csv) download(details.csv, `${this.link.state.title}.csv`);
          report(reply, details);
        }),
      ...told,
    });
    const frame = this.#plain("DataFrame", "Copy code for a DataFrame", () => this.#copy(), signal);
    return [this.cancel, this.retry, save, frame];
  }

  /** Code that makes a DataFrame of the values. */
  async #copy() {
    const name = this.link.state.title;
    const code = `import pandas as pd\npd.DataFrame({"value": ${name}.get()})`;
    try {
      await navigator.clipboard.writeText(code);
      this.says("copied");
    } catch {
      this.says(code); // the browser does not let us: it can be copied from here
    }
  }

  /** @param {string} text @param {string} label @param {() => void} act @param {AbortSignal} signal */
  #plain(text, label, act, signal) {
    const button = make("button", "nbt-button", text);
    button.type = "button";
    setAttribute(button, "aria-label", label);
    button.addEventListener("click", act, { signal });
    return button;
  }

  /** @param {Partial<ResultsView["wish"]>} wish */
  set(wish) {
    this.wish = { ...this.wish, ...wish, from: 0 };
    this.ask();
  }

  /** @param {number} by */
  turn(by) {
    const from = this.wish.from + by;
    if (from < 0 || from >= this.of) return;
    this.wish.from = from;
    this.ask();
  }

  /** What has changed is asked for once a second. */
  #later() {
    if (this.timer || this.link.over) return;
    this.timer = setTimeout(() => {
      this.timer = 0;
      this.ask();
    }, AGAIN_MS);
  }

  ask() {
    this.again = this.asking;
    if (this.asking) return;
    this.asking = true;
    this.link.ask({ t: "page", ...this.wish }, ({ kind, text }, details) => {
      if (kind !== "ok") this.says(text);
      if (kind === "slow") return;
      this.asking = false;
      if (details?.rows) this.show(details);
      if (this.again) this.ask();
    });
  }

  /** @param {{rows: Row[], from: number, of: number}} page */
  show({ rows, from, of }) {
    this.of = of;
    this.table.show(rows, rows.length ? "" : "no task is like that");
    const some = of === this.link.state.n ? "" : ` of ${count(this.link.state.n)}`;
    const shown = rows.length < of ? `${count(from + 1)} to ${count(from + rows.length)} of ` : "";
    setText(this.place, `${shown}${count(of)} tasks${some}`);
    this.#tools();
  }

  #tools() {
    const none = this.selected.size === 0 || this.link.over;
    if (this.cancel) this.cancel.disabled = none;
    if (this.retry) this.retry.disabled = none;
  }

  /** @param {number} i @param {AbortSignal} signal @returns {import("./table.js").Line<Row>} */
  #row(i, signal) {
    const box = make("input", "nbt-box");
    box.type = "checkbox";
    box.checked = this.selected.has(i);
    const choose = () => {
      if (box.checked) this.selected.add(i);
      else this.selected.delete(i);
      this.#tools();
    };
    box.addEventListener("change", choose, { signal });
    const label = make("bdi", "nbt-strong");
    const mark = new Mark();
    const took = make("span");
    const host = make("bdi", "nbt-facts");
    const tries = make("span");
    const error = make("span", "nbt-bad");
    return {
      cells: [box, label, mark.element, took, host, tries, error],
      show: (row) => {
        setText(label, row.label);
        setAttribute(box, "aria-label", `Select ${row.label}`);
        mark.show(row.code);
        const end = isFinished(row.code) ? row.e : this.link.now();
        setText(took, row.a && end ? duration(end - row.a) : "");
        setText(host, row.host);
        setText(tries, count(row.retries + 1));
        setText(error, row.err);
      },
    };
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

export default () => {
  /** @type {Channel<Whole> | null} */
  let link = null;
  return {
    /** @param {{model: Model}} context */
    initialize({ model }) {
      link = new Channel(model);
      return () => link?.close();
    },
    /** @param {{model: Model, el: HTMLElement}} context */
    render({ model, el }) {
      link ??= new Channel(model);
      const stop = new AbortController();
      new ResultsView(link, el, stop.signal);
      return () => stop.abort();
    },
  };
};
