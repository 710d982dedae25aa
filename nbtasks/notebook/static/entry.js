// An entry of the schedule in a row: when it runs, how its last runs went, and what is done to it.

import { count, duration, GLYPHS, isFinished, make, setAttribute, setText, WORDS } from "./core.js";
import { Editor } from "./edit.js";
import { actButton, Mark, plainButton } from "./parts.js";

/** @typedef {[due: string, code: number, kind: string, took: number, fired: number]} ScheduledRun */
/**
 * @typedef {object} Entry
 * @property {string} name
 * @property {string} when
 * @property {string} rule as one types it
 * @property {string} zone
 * @property {string} what
 * @property {string} queue
 * @property {string} program which declares it; empty where it was added by hand
 * @property {string} state
 * @property {string} why
 * @property {number} running
 * @property {number} next ms; 0: never
 * @property {string[]} coming
 * @property {ScheduledRun[]} runs the newest last
 */

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const NONE = "no run yet";

/** How long until then, without what does not matter. @param {number} ms */
function untilWords(ms) {
  if (ms <= 0) return "now";
  if (ms < 2 * DAY_MS) return `in ${duration(ms, true)}`;
  const hours = Math.round(ms / HOUR_MS);
  return `in ${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** @param {ScheduledRun} run */
function runWords([due, code, kind, took]) {
  // What has no task has not run: it was skipped or missed.
  const state = code === 0 ? "" : `${GLYPHS[code]} ${WORDS[code]}`;
  return [due, kind, state, took ? duration(took) : ""].filter(Boolean).join(" · ");
}

/** How many went how, for who does not see the strip. @param {ScheduledRun[]} runs */
function sumWords(runs) {
  /** @type {Map<string, number>} */
  const sums = new Map();
  for (const [, code] of runs) {
    const word = (code === 0 ? "not run" : WORDS[code]) ?? "";
    sums.set(word, (sums.get(word) ?? 0) + 1);
  }
  return [...sums].map(([word, sum]) => `${sum} ${word}`).join(", ");
}

/** One above the other: what matters, and what is there to know besides. */
class Pair {
  /** @param {HTMLElement} main */
  constructor(main) {
    this.main = main;
    this.facts = make("div", "nbt-facts");
    this.element = make("div", "nbt-pair");
    this.element.append(main, this.facts);
  }
}

export class EntryRow {
  /**
   * @param {string} name @param {import("./channel.js").Channel<any>} link
   * @param {{note: (text: string) => void, changed: () => void, signal: AbortSignal}} told
   */
  constructor(name, link, { note, changed, signal }) {
    this.link = link;
    this.name = name;
    /** @type {Entry | null} */
    this.entry = null;
    this.who = new Pair(make("bdi", "nbt-strong", name));
    this.when = new Pair(make("div"));
    this.next = new Pair(make("div", "nbt-next"));
    this.last = new Mark();
    this.ago = make("span");
    this.runs = new Pair(make("div", "nbt-strip"));
    this.runs.main.setAttribute("role", "img");
    this.runs.facts.append(this.last.element, this.ago);
    this.runs.facts.classList.add("nbt-last");
    this.buttons = make("div", "nbt-buttons nbt-acts");
    this.#buttons(note, changed, signal);
    const closed = (/** @type {boolean} */ hadFocus) => {
      changed();
      if (hadFocus) this.edit?.focus();
    };
    const ask = link.ask.bind(link);
    this.editor = new Editor({ name, ask, closed, note, signal });
    const pairs = [this.who, this.when, this.next, this.runs];
    this.cells = [...pairs.map((pair) => pair.element), this.buttons];
  }

  /**
   * @param {(text: string) => void} note @param {() => void} changed @param {AbortSignal} signal
   */
  #buttons(note, changed, signal) {
    const { name, link } = this;
    const deed = (
      /** @type {string} */ t,
      /** @type {string} */ text,
      /** @type {string} */ label,
    ) => ({
      text,
      label,
      act: (/** @type {any} */ report) => link.ask({ t, name }, report),
      note,
      signal,
    });
    this.pause = actButton(deed("pause", "Pause", `Pause ${name}`));
    this.resume = actButton(deed("resume", "Resume", `Resume ${name}`));
    const open = () => {
      if (!this.entry) return;
      this.editor.open(this.entry, this.entry);
      changed();
      this.editor.focus();
    };
    this.edit = plainButton("Edit", `Edit when ${name} runs`, open, signal);
    this.buttons.append(
      actButton(deed("run", "Run now", `Run now: ${name}`)),
      this.pause,
      this.resume,
      this.edit,
      actButton({ ...deed("remove", "Remove", `Remove ${name}`), sure: () => "Sure?" }),
    );
  }

  /** @param {Entry} entry */
  show(entry) {
    this.entry = entry;
    const { link } = this;
    const owner = entry.program ? `declared by ${entry.program}` : "";
    setText(this.who.facts, [entry.what, entry.queue, owner].filter(Boolean).join(" · "));
    setText(this.when.main, entry.when);
    setText(this.when.facts, entry.state === "active" ? (entry.coming[0] ?? "") : "");
    setAttribute(this.when.element, "title", entry.coming.join("\n"));
    const running = entry.running ? `${count(entry.running)} running` : "";
    const isActive = entry.state === "active";
    setText(this.next.main, isActive ? untilWords(entry.next - link.now()) : entry.state);
    setText(this.next.facts, [entry.why, running].filter(Boolean).join(" · "));
    setAttribute(this.next.main, "data-state", entry.state);
    this.#showRuns(entry.runs);
    if (this.pause) this.pause.hidden = entry.state === "paused";
    if (this.resume) this.resume.hidden = entry.state !== "paused";
    if (this.edit) this.edit.hidden = entry.program !== "";
    this.buttons.hidden = link.over;
    if (link.over) this.editor.element.hidden = true;
  }

  /** @param {ScheduledRun[]} runs */
  #showRuns(runs) {
    const strip = this.runs.main;
    while (strip.children.length > runs.length) strip.firstChild?.remove();
    while (strip.children.length < runs.length) strip.append(make("span", "nbt-run"));
    runs.forEach((run, at) => {
      const cell = strip.children[at];
      if (!cell) return;
      setAttribute(cell, "data-code", String(run[1]));
      setAttribute(cell, "title", runWords(run));
    });
    const last = runs.at(-1);
    setAttribute(strip, "aria-label", last ? `${sumWords(runs)}; last: ${runWords(last)}` : NONE);
    this.last.element.hidden = !last;
    setText(this.ago, last ? this.#agoWords(last) : NONE);
    if (last) this.last.show(last[1]);
    if (last?.[1] === 0) setText(this.last.word, last[2]);
  }

  /** @param {ScheduledRun} run */
  #agoWords([, code, , took, fired]) {
    const past = this.link.now() - fired;
    if (code !== 0 && !isFinished(code)) return `for ${duration(past, true)}`;
    const ago =
      past < DAY_MS ? `${duration(past - took, true)} ago` : `${Math.floor(past / DAY_MS)} d ago`;
    return ago;
  }
}
