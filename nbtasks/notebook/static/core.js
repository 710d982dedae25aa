// What every widget needs: words, elements, the theme, and the link to the kernel.

/** @typedef {string | [string, Record<string, string>, any[]]} ShowNode text, or an element */
/** @typedef {[string, string]} Run a style and a text, or "show" and the key of a display */
/**
 * @typedef {object} Row
 * @property {number} i
 * @property {string} label
 * @property {number} a when it began, ms of the kernel's clock, 0: unknown
 * @property {number} e when it ended
 * @property {string} host
 * @property {string} msg
 * @property {string} err
 * @property {number} retries
 */
/**
 * @typedef {Row & {code: number, share: number, tb: Run[], out: Run[], value: Run[],
 *   dropped: string, shows?: Record<string, ShowNode[]>}} Details
 */
/**
 * @typedef {object} Failure
 * @property {string} type
 * @property {number} count
 * @property {number} first
 * @property {string} label
 * @property {string} text
 * @property {Run[]} tb
 */
/**
 * @typedef {object} Frame what each message says beside the states
 * @property {number} seq
 * @property {number} now
 * @property {number[]} counts
 * @property {Row[]} rows
 * @property {Failure[]} fails
 * @property {Details[]} details
 * @property {number} rate
 * @property {number | null} eta
 * @property {boolean} done
 * @property {boolean} missing
 * @property {number | null} took
 */
/**
 * @typedef {Frame & {v: number, kind: string, title: string, detail: string, n: number, t0: number,
 *   inputs: [string, string][], names: string[], caps: string[]}} Whole
 */
/**
 * @typedef {object} Model the part of a widget model that we use
 * @property {(name: string) => any} get
 * @property {(event: string, callback: (...args: any[]) => void) => void} on
 * @property {(event: string, callback: (...args: any[]) => void) => void} off
 * @property {(content: object) => void} send
 */
/** @typedef {{kind: "ok" | "error" | "slow" | "gone", text: string}} Reply */

export const [PENDING, STARTED, PROGRESS, SUCCESS, FAILURE, RETRY, REVOKED] = [0, 1, 2, 3, 4, 5, 6];
export const GLYPHS = ["·", "▶", "◐", "✓", "✕", "↻", "⊘"];
export const WORDS = ["pending", "running", "running", "success", "failure", "retry", "revoked"];
const UNKNOWN = 255;
const SLOW_MS = 500;
const SHOWS = 100;

/** @param {number} code */
export const isFinished = (code) => code === SUCCESS || code === FAILURE || code === REVOKED;

/** @param {number} value */
export const count = (value) => value.toLocaleString("en-US");

/**
 * @param {number} ms
 * @param {boolean} [whole] no tenths: for a number that moves
 */
export function duration(ms, whole = false) {
  const seconds = Math.max(0, ms / 1000);
  if (seconds < 9.95 && !whole) return `${seconds.toFixed(1)} s`;
  const s = Math.round(seconds);
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${two(s % 60)} s`;
  return `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} min`;
}

/** @param {number} perSecond */
export function rateText(perSecond) {
  if (perSecond >= 1000) return `${(perSecond / 1000).toFixed(1)}k/s`;
  if (perSecond >= 10) return `${Math.round(perSecond)}/s`;
  if (perSecond >= 1) return `${perSecond.toFixed(1)}/s`;
  if (perSecond * 60 >= 1) return `${Math.round(perSecond * 60)}/min`;
  return perSecond > 0 ? `${Math.max(1, Math.round(perSecond * 3600))}/h` : "";
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} [className]
 * @param {string} [text]
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, className = "", text = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

/** @param {Node} node @param {string} text */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** @param {Element} node @param {string} name @param {string} value */
export function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/**
 * Text of a terminal: a span for each style; among it, displays, which the kernel has made safe.
 * @param {HTMLElement} node
 * @param {Run[]} runs
 * @param {Map<string, ShowNode[]>} [shows]
 */
export function setRuns(node, runs, shows) {
  const known = runs.filter(([style, text]) => style === "show" && shows?.has(text)).length;
  const key = JSON.stringify([known, runs]);
  if (node.dataset.key === key) return;
  node.dataset.key = key;
  const atEnd = node.scrollHeight - node.scrollTop - node.clientHeight < 24;
  const before = new Map();
  for (const child of node.children) {
    const { show } = /** @type {HTMLElement} */ (child).dataset;
    if (show) before.set(show, child);
  }
  const spans = runs.map(([style, text]) => {
    if (style === "show") return before.get(text) ?? makeShow(text, shows?.get(text));
    const words = style.split(" ").filter((word) => /^(err|b|c[1-6])$/.test(word));
    return make("span", words.map((word) => `nbt-${word}`).join(" "), text);
  });
  node.replaceChildren(...spans);
  if (atEnd) node.scrollTop = node.scrollHeight;
}

/** @param {string} key @param {ShowNode[]} [nodes] */
function makeShow(key, nodes) {
  const node = make("div", "nbt-show", nodes ? "" : "…");
  if (nodes) {
    node.dataset.show = key;
    node.append(...nodes.map(makeNode));
  }
  return node;
}

/** The kernel sends no other names than these; whatever else came would not be made. */
const NEVER = /^(?:script|style|iframe|object|embed|link|meta|base|form|input|button)$/i;
const ALLOWED =
  /^(?:align|alt|border|colspan|height|href|open|rel|rowspan|scope|src|start|style|target|title|valign|width)$/;

/** @param {ShowNode} given @returns {Node} */
function makeNode(given) {
  if (typeof given === "string") return document.createTextNode(given);
  const [tag, attributes, inner] = given;
  const node = document.createElement(NEVER.test(tag) ? "span" : tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (ALLOWED.test(name)) node.setAttribute(name, value);
  }
  node.append(...inner.map(makeNode));
  return node;
}

/** Whether what lies behind an element is dark. @param {Element} element */
export function isDark(element) {
  /** @type {Element | null} */
  let at = element;
  while (at) {
    const parts =
      getComputedStyle(at)
        .backgroundColor.match(/[\d.]+/g)
        ?.map(Number) ?? [];
    const [r = 0, g = 0, b = 0, alpha = 1] = parts;
    if (parts.length >= 3 && alpha > 0.5) return 0.2126 * r + 0.7152 * g + 0.0722 * b < 128;
    const root = at.getRootNode();
    at = at.parentElement ?? (root instanceof ShadowRoot ? root.host : null);
  }
  const scheme = getComputedStyle(document.documentElement).colorScheme;
  return scheme === "dark" || (scheme.includes("dark") && prefersDark().matches);
}

const prefersDark = () => matchMedia("(prefers-color-scheme: dark)");

/**
 * Keeps `data-dark` right while the host changes its theme.
 * @param {HTMLElement} root @param {AbortSignal} signal @param {() => void} changed
 */
export function watchTheme(root, signal, changed) {
  // A host may draw before it attaches: there is no style to read then.
  let isStale = true;
  const look = () => {
    isStale = !root.isConnected;
    if (isStale) return;
    const dark = isDark(root.parentElement ?? root);
    if (root.hasAttribute("data-dark") !== dark) root.toggleAttribute("data-dark", dark);
    changed();
  };
  const observer = new MutationObserver(() => requestAnimationFrame(look));
  const names = ["class", "style", "data-jp-theme-name", "data-vscode-theme-kind", "data-theme"];
  for (const node of [document.documentElement, document.body]) {
    observer.observe(node, { attributes: true, attributeFilter: names });
  }
  const attached = new ResizeObserver(() => {
    if (isStale) look();
  });
  attached.observe(root);
  prefersDark().addEventListener("change", look, { signal });
  signal.addEventListener("abort", () => {
    observer.disconnect();
    attached.disconnect();
  });
  look();
}

/** @param {any} value @returns {Uint8Array} a copy: hosts hand over views of shared buffers */
function bytes(value) {
  if (value instanceof ArrayBuffer) return new Uint8Array(value.slice(0));
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice();
  }
  return new Uint8Array(0);
}

/** What the kernel told, kept up to date; shared by all views of one widget. */
export class Link {
  /** @param {Model} model */
  constructor(model) {
    /** @type {Model} */
    this.model = model;
    /** @type {Whole} */
    this.state = model.get("board");
    /** @type {Uint8Array} */
    this.codes = new Uint8Array(this.state.n);
    /** @type {Uint8Array} */
    this.shares = new Uint8Array(this.state.n).fill(UNKNOWN);
    /** @type {Map<number, Details>} */
    this.details = new Map();
    /** @type {Map<string, ShowNode[]>} displays by their keys */
    this.shows = new Map();
    /** @type {number} */
    this.skew = 0;
    /** @type {number} */
    this.etaAt = 0;
    /** @type {boolean} */
    this.resyncing = false;
    /** @type {boolean} */
    this.ended = false;
    /** @type {boolean} the kernel it belongs to is no more */
    this.orphaned = false;
    /** @type {Set<(changed: Iterable<number> | null) => void>} */
    this.listeners = new Set();
    /** @type {Map<string, (reply: Reply) => void>} */
    this.asked = new Map();
    this.#snapshot(bytes(model.get("snapshot")));
    this.#frame(this.state);
    /** @type {(content: any, buffers?: any[]) => void} */
    this.hear = (content, buffers = []) => this.#hear(content, bytes(buffers[0]));
    model.on("msg:custom", this.hear);
    this.lose = () => {
      this.orphaned ||= !this.ended;
      this.#tell(null);
    };
    model.on("comm_live_update", this.lose); // of ipywidgets: the kernel is gone
  }

  close() {
    this.model.off("msg:custom", this.hear);
    this.model.off("comm_live_update", this.lose);
    this.listeners.clear();
  }

  /** The kernel's time now, in ms. */
  now() {
    return Date.now() + this.skew;
  }

  /** @param {number} i */
  label(i) {
    return this.state.names[i] ?? this.details.get(i)?.label ?? `#${i}`;
  }

  /** How far a member is, from 0 to 1, or null. @param {number} i */
  share(i) {
    const value = this.shares[i] ?? UNKNOWN;
    return value === UNKNOWN ? null : value / (UNKNOWN - 1);
  }

  /**
   * Ask the kernel for something; `report` hears of each turn until the answer is there.
   * @param {object} message @param {(reply: Reply) => void} report
   */
  ask(message, report) {
    const id = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
    this.asked.set(id, report);
    try {
      this.model.send({ ...message, id });
    } catch {
      this.asked.delete(id);
      report({ kind: "gone", text: "kernel gone" });
      return;
    }
    setTimeout(() => {
      const text = "queued: kernel busy, interrupt with the stop button";
      if (this.asked.has(id)) report({ kind: "slow", text });
    }, SLOW_MS);
  }

  /** @param {any} content @param {Uint8Array} data */
  #hear(content, data) {
    if (this.orphaned) {
      this.orphaned = false; // the line was cut, and the kernel is still there
      this.#tell([]);
    }
    if (content.t === "ack") this.#ack(content);
    else if (content.t === "s") this.#whole(content, data);
    else if (content.t === "d") this.#delta(content, data);
    else if (content.t === "end") {
      this.ended = true;
      this.#tell(null);
    }
  }

  /** @param {any} content */
  #ack(content) {
    const report = this.asked.get(content.id);
    if (!report) return;
    this.asked.delete(content.id);
    if (content.details) {
      this.#detail(content.details);
      this.#tell([]);
    }
    report({ kind: content.ok ? "ok" : "error", text: content.error });
  }

  /** @param {Frame} frame @param {Uint8Array} data */
  #whole(frame, data) {
    if (frame.seq < this.state.seq) return;
    this.resyncing = false;
    this.#snapshot(data);
    this.#frame(frame);
    this.#tell(null);
  }

  /** @param {Frame} frame @param {Uint8Array} data */
  #delta(frame, data) {
    if (frame.seq <= this.state.seq) return;
    if (frame.seq !== this.state.seq + 1 && !this.resyncing) {
      this.resyncing = true;
      this.ask({ t: "resync" }, () => {});
    }
    const view = new DataView(data.buffer);
    /** @type {number[]} */
    const changed = [];
    for (let at = 0; at + 6 <= data.byteLength; at += 6) {
      const i = view.getUint32(at, true);
      if (i >= this.state.n) continue;
      this.codes[i] = view.getUint8(at + 4);
      this.shares[i] = view.getUint8(at + 5);
      changed.push(i);
    }
    this.#frame(frame);
    this.#tell(changed);
  }

  /** @param {Uint8Array} data */
  #snapshot(data) {
    const { n } = this.state;
    if (data.byteLength !== 2 * n) return;
    this.codes.set(data.subarray(0, n));
    this.shares.set(data.subarray(n));
  }

  /** @param {Frame} frame */
  #frame(frame) {
    this.state = { ...this.state, ...frame };
    this.skew = frame.now - Date.now();
    this.etaAt = frame.eta === null ? 0 : frame.now + frame.eta * 1000;
    for (const one of frame.details) this.#detail(one);
  }

  /** @param {Details} one */
  #detail(one) {
    this.details.set(one.i, one);
    for (const [key, nodes] of Object.entries(one.shows ?? {})) this.shows.set(key, nodes);
    for (const key of this.shows.keys()) {
      if (this.shows.size <= SHOWS) break;
      this.shows.delete(key);
    }
  }

  /** @param {Iterable<number> | null} changed null: everything */
  #tell(changed) {
    for (const listener of this.listeners) listener(changed);
  }
}
