// Parts that several kinds of widgets have: buttons that ask once more, and marks of states.

import { GLYPHS, make, setAttribute, setText, WORDS } from "./core.js";

/** @typedef {import("./channel.js").Reply} Reply */

const ARMED_MS = 4000;

/**
 * A button that asks once more before it acts, and shows what became of it.
 * @param {object} options
 * @param {string} options.text @param {string} options.label
 * @param {() => string} options.sure
 * @param {(report: (reply: Reply, details?: any) => void) => void} options.act
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
  /** @param {Reply} reply @param {any} [details] */
  const report = ({ kind, text: words }, details) => {
    note(kind === "ok" ? (details?.said ?? "") : words);
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

/**
 * A button that acts at once, and shows what became of it.
 * @param {object} options
 * @param {string} options.text @param {string} options.label
 * @param {(report: (reply: Reply, details?: any) => void) => void} options.act
 * @param {(text: string) => void} options.note
 * @param {AbortSignal} options.signal
 */
export function actButton({ text, label, act, note, signal }) {
  const button = make("button", "nbt-button", text);
  button.type = "button";
  setAttribute(button, "aria-label", label);
  const click = () => {
    button.dataset.state = "busy";
    button.disabled = true;
    act(({ kind, text: words }, details) => {
      note(kind === "ok" ? (details?.said ?? "") : words);
      if (kind === "slow") return;
      button.dataset.state = "";
      button.disabled = false;
    });
  };
  button.addEventListener("click", click, { signal });
  return button;
}

const SAY_MS = 60000;

/**
 * Tell the kernel whether somebody looks: what nobody looks at is to cost nothing.
 * @param {Element} root @param {import("./channel.js").Channel<any>} link @param {AbortSignal} signal
 */
export function watchLooks(root, link, signal) {
  let isInView = true;
  let told = true;
  const tell = (/** @type {boolean} */ always) => {
    const on = isInView && document.visibilityState !== "hidden";
    if (link.over || (on === told && !(on && always))) return;
    told = on;
    link.ask({ t: "vis", on }, () => {});
  };
  const observer = new IntersectionObserver((entries) => {
    isInView = entries.some((entry) => entry.isIntersecting);
    tell(false);
  });
  observer.observe(root);
  document.addEventListener("visibilitychange", () => tell(false), { signal });
  const timer = setInterval(() => tell(true), SAY_MS);
  signal.addEventListener("abort", () => {
    observer.disconnect();
    clearInterval(timer);
  });
}
