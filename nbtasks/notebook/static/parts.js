// Parts that several kinds of widgets have: buttons that ask once more, and marks of states.

import { GLYPHS, make, setAttribute, setText, WORDS } from "./core.js";

/** @typedef {import("./channel.js").Reply} Reply */

const ARMED_MS = 4000;

/**
 * Who speaks to a browser says what is to be read on a button: its name has that in it.
 * @param {string} text @param {string} label
 */
const named = (text, label) =>
  label.toLowerCase().includes(text.toLowerCase()) ? label : `${text}: ${label}`;

/**
 * A button that does something in the page alone.
 * @param {string} text @param {string} label empty: its text says it
 * @param {() => void} act @param {AbortSignal} signal
 */
export function plainButton(text, label, act, signal) {
  const button = make("button", "nbt-button", text);
  button.type = "button";
  button.tabIndex = 0; // else a click in Safari does not focus it, and no blur tells that it is left
  if (label) setAttribute(button, "aria-label", named(text, label));
  button.addEventListener("click", act, { signal });
  return button;
}

/**
 * A button that asks the kernel for something, and shows what became of it.
 * @param {object} options
 * @param {string} options.text @param {string} options.label
 * @param {() => string} [options.sure] it asks this before
 * @param {(report: (reply: Reply, details?: any) => void) => void} options.act
 * @param {(text: string) => void} options.note
 * @param {AbortSignal} options.signal
 */
export function actButton({ text, label, sure, act, note, signal }) {
  let timer = 0;
  const turn = (/** @type {string} */ state, words = text, name = named(text, label)) => {
    clearTimeout(timer);
    button.dataset.state = state;
    setText(button, words);
    setAttribute(button, "aria-label", name);
    // Not `disabled`: what has the keyboard's focus would lose it.
    setAttribute(button, "aria-disabled", String(state === "busy"));
  };
  const disarm = () => {
    if (button.dataset.state === "armed") turn("");
  };
  /** @param {Reply} reply @param {any} [details] */
  const report = ({ kind, text: words }, details) => {
    note(kind === "ok" ? (details?.said ?? "") : words);
    if (kind !== "slow") turn("");
  };
  const click = () => {
    const { state } = button.dataset;
    if (state === "busy") return;
    if (sure && state !== "armed") {
      turn("armed", sure(), `${label}: ${sure()}`);
      timer = setTimeout(disarm, ARMED_MS);
      return;
    }
    turn("busy");
    act(report);
  };
  const button = plainButton(text, label, click, signal);
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

/** Ends with what it is a part of, or before. @param {AbortSignal} signal */
export function stopWith(signal) {
  const stop = new AbortController();
  signal.addEventListener("abort", () => stop.abort(), { signal: stop.signal });
  return stop;
}

const SAY_MS = 60000;

/**
 * Say that the kernel is gone, and what brings a widget back, until it is heard of again.
 * @param {import("./channel.js").Channel<any>} link @param {Element} root @param {Node} note
 */
export function sayGone(link, root, note) {
  const { gone } = link;
  if (gone || root.hasAttribute("data-gone")) setText(note, gone);
  root.toggleAttribute("data-gone", gone !== "");
}

/**
 * Tell the kernel whether somebody looks: what nobody looks at is to cost nothing.
 * @param {Element} root @param {import("./channel.js").Channel<any>} link @param {AbortSignal} signal
 */
export function watchLooks(root, link, signal) {
  const who = Math.random().toString(36).slice(2); // there may be several tabs
  let isInView = false;
  /** @type {boolean | null} */
  let told = null;
  const say = (/** @type {boolean} */ on) => {
    told = on;
    if (!link.over) link.tellOnly({ t: "vis", on, who });
  };
  const tell = (/** @type {boolean} */ always) => {
    const on = isInView && document.visibilityState !== "hidden";
    if (on !== told || (on && always)) say(on);
  };
  const observer = new IntersectionObserver((entries) => {
    isInView = entries.at(-1)?.isIntersecting ?? false; // the others are past
    tell(false);
  });
  observer.observe(root);
  document.addEventListener("visibilitychange", () => tell(false), { signal });
  const timer = setInterval(() => tell(true), SAY_MS);
  signal.addEventListener("abort", () => {
    observer.disconnect();
    clearInterval(timer);
    if (told) say(false);
  });
}

/**
 * Copy a text, and say whether that was allowed.
 * @param {string} text @param {(text: string) => void} note
 * @param {string} [instead] what is said where it was not: from there it can be copied
 */
export async function copyText(text, note, instead = text.includes("\n") ? "" : text) {
  try {
    await navigator.clipboard.writeText(text);
    note("copied");
  } catch {
    note(instead);
  }
}
