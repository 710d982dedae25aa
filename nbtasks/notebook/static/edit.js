// A rule of the schedule that is being typed: the kernel says what it comes to.

import { make, setAttribute, setText } from "./core.js";
import { actButton, plainButton } from "./parts.js";

/** @typedef {import("./channel.js").Reply} Reply */
/** @typedef {{rule: string, zone: string}} Rule */
/** @typedef {{when: string, coming: string[]}} Preview */

const TYPED_MS = 250;
const HINT =
  "such as 0 7 * * mon-fri · at 07:00 · at 07:00 mon-fri · 10m · @daily · sunset 48.85 2.35";
let forms = 0;

/** The form below an entry; hidden where nothing is edited. */
export class Editor {
  /**
   * @param {object} options
   * @param {string} options.name of the entry
   * @param {(message: object, report: (reply: Reply, details: any) => void) => void} options.ask
   * @param {(hadFocus: boolean) => void} options.closed the focus is to go where it came from
   * @param {(text: string) => void} options.note
   * @param {AbortSignal} options.signal
   */
  constructor({ name, ask, closed, note, signal }) {
    this.name = name;
    this.ask = ask;
    this.closed = closed;
    this.note = note;
    this.asked = 0;
    this.timer = 0;
    this.id = `nbt-form-${++forms}`;
    this.element = make("form", "nbt-form");
    this.element.hidden = true;
    // JupyterLab's keys are for notebooks: here somebody types.
    this.element.dataset.lmSuppressShortcuts = "true";
    setAttribute(this.element, "aria-label", `When ${name} runs`);
    this.rule = this.#field("When", "nbt-rule nbt-code");
    this.zone = this.#field("Time zone", "nbt-zone");
    this.answer = make("div", "nbt-answer");
    this.answer.id = this.id;
    this.answer.setAttribute("role", "status");
    this.words = make("div", "nbt-strong");
    this.times = make("ol", "nbt-times");
    this.answer.append(this.words, this.times);
    this.rule.setAttribute("aria-describedby", this.id);
    this.#buttons(signal);
    this.element.append(this.answer, make("div", "nbt-facts nbt-hint", HINT));
    this.#listen(signal);
  }

  /** @param {string} label @param {string} className */
  #field(label, className) {
    const whole = make("label", "nbt-field", label);
    const input = make("input", className);
    input.spellcheck = false;
    input.autocomplete = "off";
    whole.append(input);
    this.element.append(whole);
    return input;
  }

  /** @param {AbortSignal} signal */
  #buttons(signal) {
    const save = actButton({
      text: "Save",
      label: `Save when ${this.name} runs`,
      act: (report) => this.#save(report),
      note: () => {},
      signal,
    });
    save.classList.add("nbt-main");
    const label = `Cancel: leave ${this.name} as it is`;
    const cancel = plainButton("Cancel", label, () => this.close(), signal);
    this.save = save;
    const both = make("div", "nbt-buttons");
    both.append(save, cancel);
    this.element.append(both);
  }

  /** @param {AbortSignal} signal */
  #listen(signal) {
    const { element } = this;
    element.addEventListener("input", () => this.#typed(), { signal });
    element.addEventListener("submit", (event) => event.preventDefault(), { signal });
    const key = (/** @type {KeyboardEvent} */ event) => {
      event.stopPropagation();
      if (event.key === "Escape") this.close();
      else if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
      else this.save?.click();
      event.preventDefault();
    };
    element.addEventListener("keydown", key, { signal });
    signal.addEventListener("abort", () => clearTimeout(this.timer));
  }

  /** @param {Rule} now @param {Preview} preview what it comes to */
  open(now, preview) {
    this.rule.value = now.rule;
    this.zone.value = now.zone;
    this.element.hidden = false;
    this.#tell(preview, "");
  }

  focus() {
    this.rule.focus();
    this.rule.select();
  }

  close() {
    clearTimeout(this.timer);
    this.asked += 1;
    const hadFocus = this.element.matches(":focus-within");
    this.element.hidden = true;
    this.closed(hadFocus);
  }

  #typed() {
    clearTimeout(this.timer);
    this.asked += 1;
    this.timer = setTimeout(() => this.#preview(), TYPED_MS);
  }

  /** @param {string} t */
  #message(t) {
    return { t, name: this.name, rule: this.rule.value.trim(), zone: this.zone.value.trim() };
  }

  #preview() {
    const asked = ++this.asked;
    this.ask(this.#message("preview"), (reply, details) => {
      if (asked === this.asked) this.#answer(reply, details); // else more was typed meanwhile
    });
  }

  /** @param {(reply: Reply, details?: any) => void} report */
  #save(report) {
    clearTimeout(this.timer);
    const asked = ++this.asked;
    this.ask(this.#message("edit"), (reply, details) => {
      report(reply, details);
      const isOk = reply.kind === "ok";
      if (isOk) this.note(details?.said ?? "");
      // What was typed since, or in a form that was opened since, is not what this is about.
      if (asked !== this.asked) return;
      if (isOk) this.close();
      else this.#answer(reply, null);
    });
  }

  /** A kernel that is slow has found no error. @param {Reply} reply @param {Preview | null} preview */
  #answer({ kind, text }, preview) {
    if (kind === "slow") setText(this.words, text);
    else this.#tell(preview, kind === "ok" ? "" : text);
  }

  /** @param {Preview | null} preview @param {string} error */
  #tell(preview, error) {
    setAttribute(this.rule, "aria-invalid", String(error !== ""));
    setText(this.words, error || preview?.when || "");
    this.words.className = error ? "nbt-error" : "nbt-strong";
    const times = preview?.coming ?? [];
    if (preview && !times.length) times.push("never");
    this.times.replaceChildren(...times.map((time) => make("li", "nbt-time", time)));
  }
}
