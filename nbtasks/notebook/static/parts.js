// Parts that several kinds of widgets have: buttons that ask once more, and marks of states.

import { GLYPHS, make, setAttribute, setText, WORDS } from "./core.js";

/** @typedef {import("./channel.js").Reply} Reply */

const ARMED_MS = 4000;

/**
 * A button that asks once more before it acts, and shows what became of it.
 * @param {object} options
 * @param {string} options.text @param {string} options.label
 * @param {() => string} options.sure
 * @param {(report: (reply: Reply) => void) => void} options.act
 * @param {(text: string) => void} options.note
 * @param {AbortSignal} options.signal
 */
export function confirmButton({ text, label, sure, act, note, signal }) {
  const button = make("button", "nbt-button", text);
  button.type = "button";
  setAttribute(button, "aria-label", label);
  let timer = 0;
  const disarm = () => {
    clearTimeout(timer);
    if (button.dataset.state !== "armed") return;
    button.dataset.state = "";
    setText(button, text);
    setAttribute(button, "aria-label", label);
  };
  /** @param {Reply} reply */
  const report = ({ kind, text: words }) => {
    note(kind === "ok" ? "" : words);
    if (kind === "slow") return;
    button.dataset.state = "";
    button.disabled = false;
    setText(button, text);
  };
  const click = () => {
    if (button.dataset.state === "armed") {
      disarm();
      button.dataset.state = "busy";
      button.disabled = true;
      act(report);
      return;
    }
    button.dataset.state = "armed";
    setText(button, sure());
    setAttribute(button, "aria-label", `${label}: ${sure()}`);
    timer = setTimeout(disarm, ARMED_MS);
  };
  button.addEventListener("click", click, { signal });
  button.addEventListener("blur", disarm, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  return button;
}

/** Glyph and word of a state. */
export class Mark {
  constructor() {
    this.element = make("span", "nbt-mark");
    this.glyph = make("span", "nbt-glyph");
    this.word = make("span");
    this.glyph.setAttribute("aria-hidden", "true");
    this.element.append(this.glyph, this.word);
  }

  /** @param {number} code */
  show(code) {
    setAttribute(this.element, "data-code", String(code));
    setText(this.glyph, GLYPHS[code] ?? "");
    setText(this.word, WORDS[code] ?? "");
  }
}
