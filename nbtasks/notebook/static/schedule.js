// The Schedule: entries in words, when they run next, and how their last runs went.

import { Channel } from "./channel.js";
import { count, duration, GLYPHS, make, setAttribute, setText, WORDS, watchTheme } from "./core.js";
import { actButton, confirmButton, watchLooks } from "./parts.js";
import { Table } from "./table.js";

/** @typedef {import("./channel.js").Model} Model */
/** @typedef {import("./channel.js").Told} Told */
/** @typedef {[due: string, code: number, kind: string, took: number]} Run */
/**
 * @typedef {object} Entry
 * @property {string} name
 * @property {string} when
 * @property {string} what
 * @property {string} queue
 * @property {string} state
 * @property {string} why
 * @property {number} running
 * @property {number} next ms; 0: never
 * @property {string[]} coming
 * @property {Run[]} runs the newest last
 */
/** @typedef {Told & {entries: Entry[], more: number, error: string}} Whole */

const TICK_MS = 1000;
const COLUMNS = [
  { title: "name" },
  { title: "when" },
  { title: "next in", number: true },
  { title: "last 20 runs" },
  { title: "state" },
  { title: "" },
];

/** @param {Run} run */
function runWords([due, code, kind, took]) {
  // What has no task has not run: it was skipped or missed.
  const state = code === 0 ? "" : `${GLYPHS[code]} ${WORDS[code]}`;
  return [due, kind, state, took ? duration(took) : ""].filter(Boolean).join(" · ");
}

class ScheduleView {
  /** @param {Channel<Whole>} link @param {HTMLElement} host @param {AbortSignal} signal */
  constructor(link, host, signal) {
    this.link = link;
    this.root = make("section", "nbt nbt-wide");
    this.note = make("span", "nbt-says");
    this.note.setAttribute("role", "status");
    const says = (/** @type {string} */ text) => setText(this.note, text);
    this.table = new Table(
      link.state.title,
      COLUMNS,
      (/** @type {Entry} */ entry) => entry.name,
      (entry, stop) => this.#entry(entry.name, says, stop),
      signal,
    );
    this.table.title.hidden = true;
    const head = make("div", "nbt-head");
    const title = make("div", "nbt-title");
    title.append(make("span", "nbt-name-all", link.state.title));
    head.append(title, this.note);
    this.root.append(head, this.table.element);
    setAttribute(this.root, "aria-label", link.state.title);
    host.append(this.root);
    watchTheme(this.root, signal, () => {});
    this.show();
    const hear = () => this.show();
    link.listeners.add(hear);
    const timer = setInterval(() => link.over || this.show(), TICK_MS);
    signal.addEventListener("abort", () => {
      link.listeners.delete(hear);
      clearInterval(timer);
    });
    watchLooks(this.root, link, signal);
  }

  show() {
    const { entries, more, error } = this.link.state;
    const none = 'Nothing is scheduled: %%schedule NAME --cron "0 7 * * mon-fri"';
    this.table.show(entries, more ? `and ${count(more)} more` : entries.length ? "" : none);
    if (this.link.orphaned) setText(this.note, "the kernel was restarted: %schedule again");
    else if (error) setText(this.note, error);
  }

  /**
   * @param {string} name @param {(text: string) => void} note @param {AbortSignal} signal
   * @returns {import("./table.js").Line<Entry>}
   */
  #entry(name, note, signal) {
    const { link } = this;
    const who = make("div");
    const what = make("div", "nbt-facts");
    const when = make("span");
    const next = make("span");
    const strip = make("div", "nbt-strip");
    const state = make("span");
    const buttons = make("div", "nbt-buttons");
    who.append(make("bdi", "nbt-strong", name), what);
    const act = (/** @type {string} */ t) => (/** @type {any} */ report) =>
      link.ask({ t, name }, report);
    const told = { note, signal };
    const pause = actButton({ text: "Pause", label: `Pause ${name}`, act: act("pause"), ...told });
    const resume = actButton({
      text: "Resume",
      label: `Resume ${name}`,
      act: act("resume"),
      ...told,
    });
    const run = actButton({ text: "Run now", label: `Run ${name} now`, act: act("run"), ...told });
    const remove = confirmButton({
      text: "Remove",
      label: `Remove ${name}`,
      sure: () => "Sure?",
      act: act("remove"),
      ...told,
    });
    buttons.append(run, pause, resume, remove);
    return {
      cells: [who, when, next, strip, state, buttons],
      show: (entry) => {
        setText(what, `${entry.what} · ${entry.queue}`);
        setText(when, entry.when);
        setAttribute(when, "title", entry.coming.join("\n"));
        const left = entry.next - link.now();
        setText(next, entry.next ? duration(left, true) : "–");
        setAttribute(next, "title", entry.coming.join("\n"));
        drawRuns(strip, entry.runs);
        const running = entry.running ? `${count(entry.running)} running` : "";
        setText(state, [entry.state, entry.why, running].filter(Boolean).join(" · "));
        state.classList.toggle("nbt-bad", entry.state === "refused");
        pause.hidden = entry.state === "paused";
        resume.hidden = entry.state !== "paused";
        buttons.hidden = link.over;
      },
    };
  }
}

/** @param {HTMLElement} node @param {Run[]} runs */
function drawRuns(node, runs) {
  while (node.children.length > runs.length) node.firstChild?.remove();
  while (node.children.length < runs.length) node.append(make("span", "nbt-run"));
  runs.forEach((run, at) => {
    const cell = node.children[at];
    if (!cell) return;
    setAttribute(cell, "data-code", String(run[1]));
    setAttribute(cell, "title", runWords(run));
  });
  const last = runs.at(-1);
  node.setAttribute("role", "img");
  setAttribute(node, "aria-label", last ? `last run: ${runWords(last)}` : "no run yet");
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
      new ScheduleView(link, el, stop.signal);
      return () => stop.abort();
    },
  };
};
