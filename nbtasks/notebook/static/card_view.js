// The card: one task in one line, which opens.

import { Bar, Body, Deeds, elapsed, placeWords, triesWords } from "./card.js";
import { widgetOf } from "./channel.js";
import {
  duration,
  FAILURE,
  isFinished,
  make,
  setAttribute,
  setText,
  WORDS,
  watchTheme,
} from "./core.js";
import { keepFocus } from "./focus.js";
import { Link } from "./link.js";
import { Mark, sayGone, watchLooks } from "./parts.js";

const TICK_MS = 1000;

class CardView {
  /** @param {Link} link @param {HTMLElement} host @param {AbortSignal} signal */
  constructor(link, host, signal) {
    this.link = link;
    this.frame = 0;
    this.isOpen = link.state.open === true;
    this.root = make("section", "nbt nbt-card");
    this.toggle = make("button", "nbt-toggle");
    this.toggle.type = "button";
    this.mark = new Mark();
    this.id = make("code", "nbt-id");
    this.place = make("bdi", "nbt-facts");
    this.facts = make("span", "nbt-facts nbt-line-facts");
    this.note = make("span", "nbt-says");
    this.live = make("div", "nbt-live");
    this.bar = new Bar();
    const note = (/** @type {string} */ text) => setText(this.note, text);
    this.deeds = new Deeds(link, note, signal);
    this.body = new Body(link, note, signal);
    this.#build(signal);
    host.append(this.root);
    watchTheme(this.root, signal, () => {});
    this.show();
    this.#listen(signal);
    if (this.isOpen && !link.ended) this.#ask();
  }

  /** @param {AbortSignal} signal */
  #build(signal) {
    const { title } = this.link.state;
    setAttribute(this.root, "aria-label", `Task: ${title}`);
    this.note.setAttribute("role", "status");
    this.live.setAttribute("aria-live", "polite");
    this.body.element.id = `nbt-${Math.random().toString(36).slice(2)}`;
    setAttribute(this.toggle, "aria-controls", this.body.element.id);
    const arrow = make("span", "nbt-arrow", "▸");
    arrow.setAttribute("aria-hidden", "true");
    this.toggle.append(arrow, this.mark.element, make("bdi", "nbt-name-all", title));
    this.toggle.addEventListener("click", () => this.turn(), { signal });
    const line = make("div", "nbt-title");
    line.append(this.toggle, this.id, this.place, this.facts);
    const head = make("div", "nbt-head");
    head.append(line, this.note, ...this.deeds.buttons);
    this.root.append(head, this.bar.element, this.body.element, this.live);
  }

  /** @param {AbortSignal} signal */
  #listen(signal) {
    const { link } = this;
    const later = () => {
      this.frame ||= requestAnimationFrame(() => {
        this.frame = 0;
        keepFocus(
          this.root,
          () => this.show(),
          () => this.toggle,
        );
      });
    };
    link.listeners.add(later);
    const timer = setInterval(() => {
      if (!link.over) later();
    }, TICK_MS);
    signal.addEventListener("abort", () => {
      link.listeners.delete(later);
      clearInterval(timer);
      cancelAnimationFrame(this.frame);
    });
    watchLooks(this.root, link, signal);
  }

  /** Open it, or fold it. */
  turn() {
    this.isOpen = !this.isOpen;
    if (this.isOpen) this.#ask();
    if (!this.link.ended) this.link.ask({ t: "fold", open: this.isOpen }, () => {});
    this.show();
  }

  #ask() {
    this.link.ask({ t: "detail", i: 0 }, ({ kind, text }) => {
      if (kind !== "ok") setText(this.note, text);
    });
  }

  show() {
    const { link } = this;
    const { state } = link;
    const code = link.codes[0] ?? 0;
    sayGone(link, this.root, this.note);
    setAttribute(this.toggle, "aria-expanded", String(this.isOpen));
    this.mark.show(code);
    setText(this.id, state.id ?? "");
    setText(this.place, state.place ?? "");
    this.bar.show(code, link.share(0), state.title);
    link.lookUp(0);
    setText(this.facts, this.#facts(code).filter(Boolean).join(" · "));
    setAttribute(this.facts, "title", this.facts.textContent ?? "");
    this.facts.classList.toggle("nbt-bad", code === FAILURE && !this.isOpen);
    this.deeds.show(0);
    this.body.element.hidden = !this.isOpen;
    if (this.isOpen) this.body.show(0);
    setText(this.live, `${state.title}: ${WORDS[code] ?? ""}`);
  }

  /** @param {number} code */
  #facts(code) {
    const { link } = this;
    const { state } = link;
    const row = state.rows[0];
    if (!row) return [];
    const moving = !isFinished(code);
    const left = link.etaAt - link.now();
    const short = state.took === null ? "" : duration(state.took);
    const end = this.isOpen ? "" : row.err || state.value;
    return [
      placeWords(link, 0),
      moving ? row.msg : end,
      elapsed(link, row, code) || (moving ? "" : short),
      moving && left > 0 ? `ETA ${duration(left, true)}` : "",
      triesWords(link, row),
      state.missing ? "no longer stored" : "",
    ];
  }
}

export default widgetOf(
  (model) => new Link(model),
  (link, el, signal) => new CardView(link, el, signal),
);
