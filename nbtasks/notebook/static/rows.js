// Rows: one line for each task shown, what is told of one task, and failures by type.

import {
  count,
  duration,
  FAILURE,
  GLYPHS,
  isFinished,
  make,
  PENDING,
  RETRY,
  setAttribute,
  setRuns,
  setText,
  WORDS,
} from "./core.js";
import { confirmButton, Mark } from "./parts.js";

/** @typedef {import("./link.js").Link} Link */
/** @typedef {import("./link.js").Row} Row */
/** @typedef {import("./link.js").Details} Details */
/** @typedef {import("./link.js").Failure} Failure */

/** The bar of one task. */
export class Bar {
  constructor() {
    this.element = make("div", "nbt-bar");
    this.fill = make("span", "nbt-fill");
    this.element.append(this.fill);
    this.element.setAttribute("role", "progressbar");
    setAttribute(this.element, "aria-valuemin", "0");
    setAttribute(this.element, "aria-valuemax", "100");
  }

  /** @param {number} code @param {number | null} share @param {string} label */
  show(code, share, label) {
    const running = !isFinished(code) && code !== PENDING && code !== RETRY;
    const percent = isFinished(code) ? 100 : Math.round(100 * (share ?? 0));
    setAttribute(this.element, "data-code", String(code));
    setAttribute(this.element, "aria-label", label);
    const word = WORDS[code] ?? "";
    const known = !running || share !== null;
    setAttribute(this.element, "aria-valuetext", known && running ? `${word}, ${percent} %` : word);
    if (known) setAttribute(this.element, "aria-valuenow", String(percent));
    else this.element.removeAttribute("aria-valuenow");
    this.element.toggleAttribute("data-unknown", !known);
    this.fill.style.width = known ? `${percent}%` : "";
  }
}

/** @param {Link} link @param {Row} row @param {number} code */
export function elapsed(link, row, code) {
  if (!row.a) return "";
  if (isFinished(code)) return row.e ? duration(row.e - row.a) : "";
  return duration(link.now() - row.a, true);
}

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
    this.button = confirmButton({
      text: "×",
      label: "Cancel this task",
      sure: () => "Sure?",
      act: (report) => link.ask({ t: "cancel", i }, report),
      note: actions.note,
      signal,
    });
    this.button.classList.add("nbt-small");
    const end = make("span", "nbt-end");
    end.append(this.button);
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
    this.button.hidden =
      isFinished(code) || this.link.state.done || this.link.ended || this.link.orphaned;
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
    const stop = new AbortController();
    this.signal.addEventListener("abort", () => stop.abort(), { signal: stop.signal });
    const added = { line: new Line(this.link, i, this.actions, stop.signal), stop };
    this.lines.set(i, added);
    return added;
  }
}

/** @param {string} title @param {string} className */
function block(title, className) {
  const element = make("div", `nbt-block ${className}`);
  const text = make("pre", "nbt-text");
  const name = make("span", "nbt-caption", title);
  text.tabIndex = 0;
  text.setAttribute("role", "group");
  setAttribute(text, "aria-label", title);
  element.append(name, text);
  return { element, text, name };
}

/** @param {string} title */
function fold(title) {
  const element = make("details", "nbt-fold");
  const summary = make("summary", "", title);
  const text = make("pre", "nbt-text");
  text.tabIndex = 0;
  element.append(summary, text);
  return { element, summary, text };
}

/** What is told of one task: facts, error, output, value. */
export class Panel {
  /** @param {Link} link @param {(() => void) | null} close @param {AbortSignal} signal */
  constructor(link, close, signal) {
    this.link = link;
    this.element = make("div", "nbt-panel");
    this.head = make("div", "nbt-panel-head");
    this.label = make("bdi", "nbt-panel-name");
    this.mark = new Mark();
    this.facts = make("span", "nbt-facts");
    this.error = make("div", "nbt-error");
    this.traceback = fold("traceback");
    this.output = block("output", "nbt-output");
    this.value = block("value", "nbt-value");
    this.empty = make("div", "nbt-facts", "no output yet");
    this.head.append(this.label, this.mark.element, this.facts);
    if (close) {
      const button = make("button", "nbt-button nbt-small", "×");
      button.type = "button";
      setAttribute(button, "aria-label", "Close the details");
      button.addEventListener("click", close, { signal });
      this.head.append(button);
    }
    this.single = !close;
    this.head.hidden = this.single;
    const blocks = [this.output.element, this.value.element, this.empty];
    this.element.append(this.head, this.error, this.traceback.element, ...blocks);
  }

  /** @param {number} i */
  show(i) {
    const details = this.link.details.get(i);
    const code = this.link.codes[i] ?? 0;
    setText(this.label, this.link.label(i));
    this.mark.show(code);
    const tries = details?.retries ? `${count(details.retries)} retries` : "";
    const time = details ? elapsed(this.link, details, code) : "";
    setText(this.facts, [details?.host ?? "", time, tries].filter(Boolean).join(" · "));
    setText(this.error, details?.err ?? "");
    this.error.hidden = !details?.err;
    setRuns(this.traceback.text, details?.tb ?? []);
    this.traceback.element.hidden = !details?.tb.length;
    const dropped = details?.dropped ? ` (${details.dropped} dropped)` : "";
    setText(this.output.name, `output${dropped}`);
    this.output.element.hidden = !details?.out.length;
    setRuns(this.output.text, details?.out ?? [], this.link.shows);
    this.value.element.hidden = !details?.value.length;
    setRuns(this.value.text, details?.value ?? [], this.link.shows);
    const silent = !details?.out.length && !details?.value.length && !details?.err;
    setText(this.empty, details ? (isFinished(code) ? "no output" : "no output yet") : "…");
    this.empty.hidden = this.single || !silent;
    this.element.hidden = this.single && silent;
  }
}

/** Failures by type of exception, the first of each with its traceback. */
export class Failures {
  constructor() {
    this.element = make("div", "nbt-failures");
    /** @type {Map<string, ReturnType<Failures["add"]>>} */
    this.groups = new Map();
  }

  /** @param {Failure[]} failures */
  show(failures) {
    failures.forEach((failure, place) => {
      const group = this.groups.get(failure.type) ?? this.add(failure.type);
      setText(group.amount, count(failure.count));
      setText(group.words, failure.text);
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
    const first = make("div", "nbt-facts");
    const mark = make("span", "nbt-mark");
    setAttribute(mark, "data-code", String(FAILURE));
    mark.append(glyph);
    summary.append(mark, " ", amount, " ", make("bdi", "nbt-type", type), " ", words);
    text.before(first);
    const group = { element, amount, words, first, text };
    this.groups.set(type, group);
    return group;
  }
}
