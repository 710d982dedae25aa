// Results: tasks as a table; of very many, those in view. The kernel sorts and filters.

import { Panel } from "./card.js";
import { widgetOf } from "./channel.js";
import { Chosen } from "./chosen.js";
import {
  count,
  duration,
  isFinished,
  make,
  PENDING,
  PROGRESS,
  RETRY,
  STARTED,
  SUCCESS,
  setAttribute,
  setText,
  watchTheme,
} from "./core.js";
import { keepFocus } from "./focus.js";
import { Link } from "./link.js";
import { Pages } from "./pages.js";
import { Mark, sayGone, watchLooks } from "./parts.js";
import { numberLine, Roll } from "./roll.js";
import { Table } from "./table.js";
import { Tools } from "./tools.js";

/** @typedef {import("./pages.js").Row} Row */
/** @typedef {{place: number, row: Row | undefined}} Seat */

const TICK_MS = 1000;
const COLUMNS = [
  { title: "" },
  { title: "task", sort: "task" },
  { title: "state", sort: "state" },
  { title: "took", sort: "took", number: true },
  { title: "worker", sort: "worker" },
  { title: "tries", sort: "tries", number: true },
  { title: "value or error", sort: "error" },
];

class ResultsView {
  /** @param {Link} link @param {HTMLElement} host @param {AbortSignal} signal */
  constructor(link, host, signal) {
    this.link = link;
    this.signal = signal;
    this.root = make("section", "nbt nbt-wide");
    this.note = make("span", "nbt-says");
    this.place = make("span", "nbt-facts");
    this.note.setAttribute("role", "status");
    const says = (/** @type {string} */ text, before = this.note.textContent) => {
      if (text || before === this.note.textContent) setText(this.note, text);
    };
    const show = () => this.show();
    this.pages = new Pages(link, show, says, signal);
    this.chosen = new Chosen(this.pages, show, signal);
    this.tools = new Tools(this.pages, this.chosen, says, signal);
    this.panel = new Panel(link, () => this.open(this.pages.open), says, signal);
    this.table = new Table(
      link.state.title,
      COLUMNS,
      (/** @type {Seat} */ seat) => String(seat.place),
      (_, stop) => this.#line(stop),
      signal,
    );
    this.roll = new Roll(this.table, show, signal);
    this.pages.turned = () => this.roll.toTop();
    this.#build();
    host.append(this.root);
    watchTheme(this.root, signal, () => {});
    watchLooks(this.root, link, signal);
    this.#listen();
    this.show();
  }

  #build() {
    const { state } = this.link;
    const { table, tools } = this;
    setAttribute(this.root, "aria-label", `Results: ${state.title}`);
    const head = make("div", "nbt-head");
    const title = make("div", "nbt-title");
    title.append(make("bdi", "nbt-name-all", state.title), this.place);
    head.append(title, this.note);
    table.title.hidden = true;
    table.element.tabIndex = 0;
    table.element.setAttribute("role", "group");
    setAttribute(table.element, "aria-label", "rows");
    table.head.children[0]?.append(this.chosen.box);
    this.#sorts();
    this.root.append(head, tools.filters, tools.deeds, table.element);
  }

  #sorts() {
    COLUMNS.forEach(({ sort }, at) => {
      const cell = this.table.head.children[at];
      if (!sort || !cell) return;
      const button = make("button", "nbt-sort", cell.textContent ?? "");
      button.type = "button";
      const turn = () => {
        const { wish } = this.pages;
        const down = wish.sort === sort && !wish.down;
        for (const one of this.table.head.children) one.removeAttribute("aria-sort");
        cell.setAttribute("aria-sort", down ? "descending" : "ascending");
        this.pages.set({ sort, down });
      };
      button.addEventListener("click", turn, { signal: this.signal });
      cell.replaceChildren(button);
    });
  }

  #listen() {
    const { link, signal } = this;
    const hear = () => this.show();
    link.listeners.add(hear);
    const timer = setInterval(() => {
      const { counts } = link.state;
      if ((counts[STARTED] ?? 0) + (counts[PROGRESS] ?? 0) > 0 && !link.over) this.show();
    }, TICK_MS);
    signal.addEventListener("abort", () => {
      link.listeners.delete(hear);
      clearInterval(timer);
    });
  }

  /** Open the details of a task; again closes them. @param {number} i @param {number} [place] */
  open(i, place = this.pages.openAt) {
    const { pages, link } = this;
    const isOpen = pages.open === i;
    pages.open = isOpen ? -1 : i;
    pages.openAt = isOpen ? -1 : place;
    if (!isOpen && !link.over) {
      link.ask({ t: "detail", i }, ({ kind, text }) =>
        setText(this.note, kind === "ok" ? "" : text),
      );
    }
    this.show();
    if (isOpen) this.roll.go(place, 1);
  }

  show() {
    const { box } = this.roll;
    // Where the line that has the focus is scrolled out of sight, all of them have it.
    const near = (/** @type {HTMLElement} */ held) => (box.contains(held) ? box : null);
    keepFocus(this.root, () => this.#show(), near);
  }

  #show() {
    const { pages, link } = this;
    const { n } = link.state;
    const openAt = pages.open < 0 ? -1 : pages.openAt;
    const seat = (/** @type {number} */ place) => ({ place, row: pages.at(place) });
    this.roll.show(pages.of, openAt, seat, pages.of ? "" : "no task is like that");
    pages.look(this.roll.first, this.roll.stop);
    setAttribute(this.table.element, "aria-busy", String(pages.isStale));
    setAttribute(this.table.table, "aria-rowcount", String(pages.of + 1));
    const some = pages.of === n ? "" : ` of ${count(n)}`;
    setText(this.place, `${count(pages.of)}${some} ${n === 1 ? "task" : "tasks"}`);
    this.chosen.show();
    this.tools.show();
    sayGone(link, this.root, this.note);
  }

  /** What is told of the task that is open, below its line. @param {HTMLElement} below @param {Seat} seat */
  #below(below, { place, row }) {
    const { panel, pages, link } = this;
    below.hidden = pages.open < 0 || place !== pages.openAt;
    if (below.hidden) return;
    if (row) setCode(link, row);
    if (panel.element.parentElement !== below) below.append(panel.element);
    panel.element.hidden = false;
    panel.show(pages.open);
  }

  /** @param {AbortSignal} stop @returns {import("./table.js").Line<Seat>} */
  #line(stop) {
    const box = make("input", "nbt-box");
    const name = make("button", "nbt-name");
    const label = make("bdi");
    const mark = new Mark();
    const [took, tries] = [make("span"), make("span")];
    const [host, words] = [make("bdi", "nbt-facts"), make("bdi", "nbt-words")];
    const below = make("div");
    /** @type {Seat} */
    let seat = { place: -1, row: undefined };
    box.type = "checkbox";
    name.type = "button";
    name.append(label);
    const opens = () => seat.row && this.open(seat.row.i, seat.place);
    name.addEventListener("click", opens, { signal: stop });
    this.chosen.watch(box, () => seat, stop);
    const show = (/** @type {Seat} */ now) => {
      seat = now;
      const { row, place } = now;
      numberLine(box.parentElement ?? box, place);
      const tab = place === this.roll.cursor ? 0 : -1;
      box.tabIndex = name.tabIndex = tab;
      box.checked = row !== undefined && this.chosen.has(row.i);
      setText(label, row?.label ?? "…");
      setAttribute(label, "title", row?.label ?? "");
      setAttribute(box, "aria-label", `Select ${row?.label ?? "this task"}`);
      setAttribute(name, "aria-expanded", String(row !== undefined && row.i === this.pages.open));
      mark.element.hidden = !row;
      mark.show(row?.code ?? PENDING);
      setText(took, row ? this.#took(row) : "");
      setText(host, row?.host ?? "");
      setText(tries, row?.retries || row?.a ? count((row?.retries ?? 0) + 1) : "");
      this.#words(words, row);
      this.#below(below, now);
    };
    return { cells: [box, name, mark.element, took, host, tries, words], show, below };
  }

  /** @param {Row} row */
  #took(row) {
    const isMoving = !isFinished(row.code) && row.code !== PENDING && row.code !== RETRY;
    const end = isMoving ? this.link.now() : row.e;
    return row.a && end ? duration(end - row.a, isMoving) : "";
  }

  /** What it has returned, says, or failed by. @param {HTMLElement} words @param {Row} [row] */
  #words(words, row) {
    const isSuccess = row?.code === SUCCESS;
    const text = isSuccess ? (this.pages.values.get(row.i) ?? "") : row?.err || row?.msg || "";
    setText(words, text);
    setAttribute(words, "title", text);
    words.classList.toggle("nbt-bad", !isSuccess && Boolean(row?.err));
    words.classList.toggle("nbt-facts", !isSuccess && !row?.err);
    words.classList.toggle("nbt-code", isSuccess);
  }
}

/** What a row says of the state of a task is known to its details, too. @param {Link} link @param {Row} row */
function setCode(link, { i, code }) {
  if (i >= link.codes.length) {
    const before = link.codes;
    link.codes = new Uint8Array(2 * (i + 1));
    link.codes.set(before);
  }
  link.codes[i] = code;
}

export default widgetOf(
  (model) => new Link(model),
  (link, el, signal) => new ResultsView(link, el, signal),
);
