// Rows: one line for each task shown, and failures by type.

import { Bar, elapsed, fold } from "./card.js";
import {
  count,
  FAILURE,
  GLYPHS,
  isFinished,
  make,
  setAttribute,
  setRuns,
  setText,
} from "./core.js";
import { actButton, Mark, stopWith } from "./parts.js";

/** @typedef {import("./link.js").Link} Link */
/** @typedef {import("./link.js").Row} Row */
/** @typedef {import("./link.js").Details} Details */
/** @typedef {import("./link.js").Failure} Failure */

/** One task in one line. */
class Line {
  /**
   * @param {Link} link @param {number} i
   * @param {{select: (i: number) => void, note: (text: string) => void}} actions
   * @param {AbortSignal} signal
   */
  constructor(link, i, actions, signal) {
    this.link = link;
    this.element = make("li", "nbt-row");
    this.line = make("div", "nbt-line");
    this.name = make("button", "nbt-name");
    this.name.type = "button";
    this.label = make("bdi");
    this.name.append(this.label);
    this.mark = new Mark();
    this.bar = new Bar();
    this.note = make("span", "nbt-note");
    this.time = make("span", "nbt-time");
    const told = { sure: () => "Sure?", note: actions.note, signal };
    this.button = actButton({
      text: "×",
      label: "Cancel this task",
      act: (report) => link.ask({ t: "cancel", i }, report),
      ...told,
    });
    // It takes the place of the one above: the second of two clicks on that is not to do anything.
    this.retry = actButton({
      text: "↻",
      label: "Retry this task",
      act: (report) => link.ask({ t: "retry", spans: [[i, i + 1]] }, report),
      ...told,
    });
    const end = make("span", "nbt-end");
    for (const button of [this.button, this.retry]) {
      button.classList.add("nbt-small");
      end.append(button);
    }
    this.line.append(this.name, this.mark.element, this.bar.element, this.note, this.time, end);
    this.element.append(this.line);
    this.line.addEventListener(
      "click",
      (event) => {
        const at = /** @type {Element} */ (event.target);
        if (!at.closest(".nbt-end")) actions.select(i);
      },
      { signal },
    );
  }

  /** @param {Row} row @param {boolean} open */
  show(row, open) {
    const code = this.link.codes[row.i] ?? 0;
    const share = this.link.share(row.i);
    this.element.hidden = false;
    setText(this.label, row.label);
    setAttribute(this.label, "title", row.label);
    setAttribute(this.name, "aria-expanded", String(open));
    this.mark.show(code);
    this.bar.show(code, share, row.label);
    const again = row.retries && !isFinished(code) ? `try ${row.retries + 1}` : "";
    const words = isFinished(code) ? [row.err] : [row.msg, again, row.err];
    setText(this.note, words.filter(Boolean).join(" · "));
    setAttribute(this.note, "title", this.note.textContent ?? "");
    this.note.classList.toggle("nbt-bad", code === FAILURE);
    this.time.dataset.a = String(row.a);
    setText(this.time, elapsed(this.link, row, code));
    const gone = this.link.ended || this.link.orphaned;
    this.button.hidden = isFinished(code) || this.link.state.done || gone;
    this.retry.hidden = code !== FAILURE || gone || !this.link.state.caps.includes("retry");
  }
}

/** The lines of the tasks that are shown one by one. */
export class Rows {
  /**
   * @param {Link} link
   * @param {{select: (i: number) => void, note: (text: string) => void}} actions
   * @param {AbortSignal} signal
   */
  constructor(link, actions, signal) {
    this.link = link;
    this.actions = actions;
    this.signal = signal;
    this.element = make("ul", "nbt-rows");
    /** @type {Map<number, {line: Line, stop: AbortController}>} */
    this.lines = new Map();
  }

  /** @param {Row[]} rows @param {number} selected */
  show(rows, selected) {
    const wanted = new Set(rows.map((row) => row.i));
    for (const [i, { line, stop }] of this.lines) {
      if (wanted.has(i)) continue;
      stop.abort();
      line.element.remove();
      this.lines.delete(i);
    }
    rows.forEach((row, place) => {
      const { line } = this.lines.get(row.i) ?? this.#add(row.i);
      line.show(row, row.i === selected);
      const at = this.element.children[place] ?? null;
      if (at !== line.element) this.element.insertBefore(line.element, at);
    });
    this.element.hidden = rows.length === 0;
  }

  /** @param {number} i */
  #add(i) {
    const stop = stopWith(this.signal);
    const added = { line: new Line(this.link, i, this.actions, stop.signal), stop };
    this.lines.set(i, added);
    return added;
  }
}

/** Failures by type of exception, the first of each with its traceback. */
export class Failures {
  /** @param {(i: number) => void} select @param {AbortSignal} signal */
  constructor(select, signal) {
    this.select = select;
    this.signal = signal;
    this.element = make("div", "nbt-failures");
    /** @type {Map<string, ReturnType<Failures["add"]>>} */
    this.groups = new Map();
  }

  /** @param {Failure[]} failures */
  show(failures) {
    const types = new Set(failures.map(({ type }) => type));
    for (const [type, { element }] of this.groups) {
      if (types.has(type)) continue;
      element.remove();
      this.groups.delete(type);
    }
    failures.forEach((failure, place) => {
      const group = this.groups.get(failure.type) ?? this.add(failure.type);
      setText(group.amount, count(failure.count));
      setText(group.words, failure.text);
      group.i = failure.first;
      setText(group.first, `first: ${failure.label}`);
      setRuns(group.text, failure.tb.length ? failure.tb : [["", failure.text]]);
      const at = this.element.children[place] ?? null;
      if (at !== group.element) this.element.insertBefore(group.element, at);
    });
    this.element.hidden = failures.length === 0;
  }

  /** @param {string} type */
  add(type) {
    const { element, summary, text } = fold("");
    const glyph = make("span", "nbt-glyph", GLYPHS[FAILURE]);
    glyph.setAttribute("aria-hidden", "true");
    const amount = make("b", "nbt-amount");
    const words = make("span", "nbt-facts");
    const first = make("button", "nbt-name nbt-first");
    first.type = "button";
    const mark = make("span", "nbt-mark");
    setAttribute(mark, "data-code", String(FAILURE));
    mark.append(glyph);
    summary.append(mark, " ", amount, " ", make("bdi", "nbt-type", type), " ", words);
    text.before(first);
    const group = { element, amount, words, first, text, i: 0 };
    first.addEventListener("click", () => this.select(group.i), { signal: this.signal });
    this.groups.set(type, group);
    return group;
  }
}
