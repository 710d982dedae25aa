// What is told of one task, wherever it is opened.

import {
  count,
  duration,
  FAILURE,
  GLYPHS,
  isFinished,
  make,
  PENDING,
  RETRY,
  REVOKED,
  SUCCESS,
  setAttribute,
  setRuns,
  setText,
  WORDS,
} from "./core.js";
import { actButton, copyText, Mark, plainButton, stopWith } from "./parts.js";

/** @typedef {import("./link.js").Link} Link */
/** @typedef {import("./link.js").Row} Row */
/** @typedef {import("./link.js").Details} Details */

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
export function fold(title) {
  const element = make("details", "nbt-fold");
  const summary = make("summary", "", title);
  const text = make("pre", "nbt-text");
  text.tabIndex = 0;
  element.append(summary, text);
  return { element, summary, text };
}

/** Small facts side by side: a name and what it is. */
class Chips {
  /** @param {string} title */
  constructor(title) {
    this.element = make("ul", "nbt-inputs");
    setAttribute(this.element, "aria-label", title);
    this.key = "";
  }

  /** @param {[string, string][]} pairs */
  show(pairs) {
    this.element.hidden = pairs.length === 0;
    const key = JSON.stringify(pairs);
    if (key === this.key) return;
    this.key = key;
    const items = pairs.map(([name, words]) => {
      const item = make("li", "nbt-input");
      if (name) item.append(make("bdi", "nbt-code", name));
      item.append(make("bdi", name ? "nbt-facts" : "nbt-code", words));
      return item;
    });
    this.element.replaceChildren(...items);
  }
}

/** @param {number} ms */
const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB");

/** The way of a task, from where it was sent to where it is. */
class Way {
  constructor() {
    this.element = make("ol", "nbt-way");
    setAttribute(this.element, "aria-label", "what happened");
    this.key = "";
  }

  /** @param {Details["way"]} steps */
  show(steps) {
    this.element.hidden = steps.length < 2;
    const key = JSON.stringify(steps);
    if (key === this.key) return;
    this.key = key;
    const [, first = 0] = steps[0] ?? [];
    const items = steps.map(([code, at, words], place) => {
      const item = make("li", "nbt-mark");
      const glyph = make("span", "nbt-glyph", GLYPHS[code]);
      glyph.setAttribute("aria-hidden", "true");
      setAttribute(item, "data-code", String(code));
      const when = make("span", "nbt-facts");
      if (at && first && place) setText(when, `+${duration(at - first)}`);
      else if (at) setText(when, clock(at));
      setAttribute(when, "title", at ? new Date(at).toLocaleString() : "");
      item.append(glyph, make("bdi", "", words || (WORDS[code] ?? "")), when);
      return item;
    });
    this.element.replaceChildren(...items);
  }
}

/** How long it waits still, in words. @param {Link} link @param {number} i */
export function placeWords(link, i) {
  const { ahead = null, due = null } = link.places.get(i) ?? {};
  const code = link.codes[i] ?? 0;
  if (code !== PENDING && code !== RETRY) return "";
  if (due !== null) return due > link.now() ? `due in ${duration(due - link.now(), true)}` : "due";
  if (ahead === null) return "";
  return ahead ? `${count(ahead)} before it` : "next in its queue";
}

/** How often it was tried, and may be, in words. @param {Link} link @param {Row} row */
export function triesWords(link, row) {
  const most = link.details.get(row.i)?.call?.most;
  if (!row.retries && !most) return "";
  return row.retries ? `retries ${row.retries}${most ? `/${most}` : ""}` : "";
}

/**
 * What can be done to one task. All of it asks once more: what takes the place of a button that was
 * clicked would else be hit by the second of two clicks.
 */
export class Deeds {
  /** @param {Link} link @param {(text: string) => void} note @param {AbortSignal} signal */
  constructor(link, note, signal) {
    this.link = link;
    this.i = 0;
    const told = { sure: () => "Sure?", note, signal };
    this.cancel = actButton({
      text: "Cancel",
      label: "Cancel this task before it runs",
      act: (report) => this.#ask("cancel", report),
      ...told,
    });
    this.terminate = actButton({
      text: "Terminate",
      label: "Terminate this task, which runs",
      act: (report) => this.#ask("cancel", report),
      ...told,
    });
    this.retry = actButton({
      text: "Retry",
      label: "Run this task again",
      act: (report) => this.#ask("retry", report),
      ...told,
    });
    this.buttons = [this.cancel, this.terminate, this.retry];
  }

  /** @param {string} t @param {(reply: import("./channel.js").Reply, details?: any) => void} report */
  #ask(t, report) {
    this.link.ask({ t, spans: [[this.i, this.i + 1]] }, report);
  }

  /** @param {number} i */
  show(i) {
    this.i = i;
    const code = this.link.codes[i] ?? 0;
    const gone = this.link.ended || this.link.orphaned;
    const isWaiting = code === PENDING || code === RETRY;
    this.cancel.hidden = gone || !isWaiting;
    this.terminate.hidden = gone || isWaiting || isFinished(code);
    const isOver = code === FAILURE || code === REVOKED;
    this.retry.hidden = gone || !isOver || !this.link.state.caps.includes("retry");
  }
}

/** All that is told of one task. */
export class Body {
  /** @param {Link} link @param {(text: string) => void} note @param {AbortSignal} signal */
  constructor(link, note, signal) {
    this.link = link;
    this.note = note;
    this.i = -1;
    this.element = make("div", "nbt-body");
    this.inputs = new Chips("captured inputs");
    this.args = new Chips("arguments");
    this.error = make("div", "nbt-error");
    this.traceback = fold("traceback");
    this.output = block("output", "nbt-output");
    this.value = block("value", "nbt-value");
    this.stack = block("stack", "nbt-output");
    this.code = block("code", "nbt-output");
    this.way = new Way();
    this.stack.element.hidden = true;
    this.code.element.hidden = true;
    this.empty = make("div", "nbt-facts");
    this.tools = make("div", "nbt-acts");
    setAttribute(this.tools, "role", "group");
    setAttribute(this.tools, "aria-label", "this task");
    const told = { note, signal };
    this.look = actButton({
      text: "Value",
      label: "Show the value of this task",
      act: (report) => link.ask({ t: "value", i: this.i }, report),
      ...told,
    });
    this.where = actButton({
      text: "Stack",
      label: "Show where this task is right now",
      act: (report) => this.#askStack(report),
      ...told,
    });
    this.id = plainButton("Copy id", "", () => copyText(this.#details()?.id ?? "", note), signal);
    this.call = plainButton("Copy code", "", () => this.#copyCode(), signal);
    this.tools.append(this.look, this.where, this.id, this.call);
    const texts = [this.output.element, this.value.element, this.empty, this.stack.element];
    this.element.append(this.inputs.element, this.args.element, this.error);
    this.element.append(this.traceback.element, ...texts, this.way.element, this.code.element);
    this.element.append(this.tools);
  }

  /** @param {(reply: import("./channel.js").Reply, details: any) => void} report */
  #askStack(report) {
    this.link.ask({ t: "stack", i: this.i }, (reply, details) => {
      if (details?.stack) this.#showStack(details.stack);
      report(reply, details);
    });
  }

  #details() {
    return this.link.details.get(this.i);
  }

  /** @param {import("./core.js").Run[]} stack */
  #showStack(stack) {
    setRuns(this.stack.text, stack);
    setText(this.stack.name, `stack at ${clock(this.link.now())}`);
    this.stack.element.hidden = false;
  }

  #copyCode() {
    const code = this.#details()?.call?.code ?? "";
    setText(this.code.text, code);
    this.code.element.hidden = !code;
    copyText(code, this.note);
  }

  /** @param {number} i */
  show(i) {
    this.i = i;
    const details = this.#details();
    const code = this.link.codes[i] ?? 0;
    this.inputs.show(this.link.state.n === 1 ? this.link.state.inputs : []);
    this.args.show(details?.call?.args ?? []);
    setText(this.error, details?.err ?? "");
    this.error.hidden = !details?.err;
    setRuns(this.traceback.text, details?.tb ?? []);
    this.traceback.element.hidden = !details?.tb.length;
    this.#showTexts(details);
    const silent = !details?.out.length && !details?.value.length && !details?.err;
    setText(this.empty, details ? (isFinished(code) ? "no output" : "no output yet") : "…");
    this.empty.hidden = !silent;
    this.way.show(details?.way ?? []);
    const gone = this.link.ended || this.link.orphaned;
    this.look.hidden = gone || code !== SUCCESS || !details || details.value.length > 0;
    this.where.hidden = gone || isFinished(code) || code === PENDING || code === RETRY;
    this.id.hidden = !details;
    this.call.hidden = !details?.call?.code;
  }

  /** @param {Details | undefined} details */
  #showTexts(details) {
    const dropped = details?.dropped ? ` (${details.dropped} dropped)` : "";
    setText(this.output.name, `output${dropped}`);
    this.output.element.hidden = !details?.out.length;
    setRuns(this.output.text, details?.out ?? [], this.link.shows);
    this.value.element.hidden = !details?.value.length;
    setRuns(this.value.text, details?.value ?? [], this.link.shows);
  }
}

/** One task of many, opened: its head, what can be done to it, and all that is told of it. */
export class Panel {
  /**
   * @param {Link} link @param {() => void} close @param {(text: string) => void} note
   * @param {AbortSignal} signal
   */
  constructor(link, close, note, signal) {
    this.link = link;
    this.note = note;
    this.signal = signal;
    this.i = -1;
    this.element = make("div", "nbt-panel");
    this.head = make("div", "nbt-panel-head");
    this.label = make("bdi", "nbt-panel-name");
    this.mark = new Mark();
    this.facts = make("span", "nbt-facts");
    const button = plainButton("×", "", close, signal);
    button.classList.add("nbt-small", "nbt-close");
    setAttribute(button, "aria-label", "Close the details");
    this.head.append(this.label, this.mark.element, this.facts, button);
    this.element.append(this.head);
    this.#turn();
  }

  /** Another task: what was asked of the one before is neither to show here nor to hold buttons. */
  #turn() {
    this.stop?.abort();
    this.stop = stopWith(this.signal);
    const isRead = this.body?.traceback.element.open;
    this.body?.element.remove();
    this.body = new Body(this.link, this.note, this.stop.signal);
    this.body.traceback.element.open = isRead === true;
    this.deeds = new Deeds(this.link, this.note, this.stop.signal);
    this.body.tools.prepend(...this.deeds.buttons);
    this.element.append(this.body.element);
  }

  /** @param {number} i */
  show(i) {
    const { link } = this;
    if (i !== this.i) this.#turn();
    this.i = i;
    const details = link.details.get(i);
    const code = link.codes[i] ?? 0;
    setText(this.label, link.label(i));
    this.mark.show(code);
    if (details) link.lookUp(i);
    const words = details
      ? [
          details.place,
          elapsed(link, details, code),
          placeWords(link, i),
          triesWords(link, details),
        ]
      : [];
    setText(this.facts, words.filter(Boolean).join(" · "));
    this.body?.show(i);
    this.deeds?.show(i);
  }
}
