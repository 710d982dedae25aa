// What every widget needs: words, elements, the theme, and terminal text.

/** @typedef {string | [string, Record<string, string>, any[]]} ShowNode text, or an element */
/** @typedef {[string, string]} Run a style and a text, or "show" and the key of a display */

export const [PENDING, STARTED, PROGRESS, SUCCESS, FAILURE, RETRY, REVOKED, IGNORED] = [
  0, 1, 2, 3, 4, 5, 6, 7,
];
export const GLYPHS = ["·", "▶", "◐", "✓", "✕", "↻", "⊘", "○"];
export const WORDS = [
  "pending",
  "running",
  "running",
  "success",
  "failure",
  "retry",
  "revoked",
  "ignored",
];

/** What the colours of the states are called in style sheets. */
export const COLOURS = [
  "pending",
  "started",
  "progress",
  "success",
  "failure",
  "retry",
  "revoked",
  "ignored",
];

/** @param {number} code */
export const isFinished = (code) =>
  code === SUCCESS || code === FAILURE || code === REVOKED || code === IGNORED;

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
    if (style === "show") {
      const kept = before.get(text);
      before.delete(text); // another one may be equal
      return kept ?? makeShow(text, shows?.get(text));
    }
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

/**
 * Red, green and blue to 255, and the opacity to 1.
 * @param {string} colour @returns {number[]}
 */
function channels(colour) {
  if (/^rgb/.test(colour)) {
    const parts = colour.match(/[\d.]+/g)?.map(Number) ?? [];
    return parts.length === 3 ? [...parts, 1] : parts;
  }
  // `color(srgb 1 1 1)`, `oklch(…)`, and whatever comes: a canvas knows them all.
  const brush = document.createElement("canvas").getContext("2d");
  if (!brush) return [];
  brush.fillStyle = colour;
  brush.fillRect(0, 0, 1, 1);
  const [r = 0, g = 0, b = 0, alpha = 0] = brush.getImageData(0, 0, 1, 1).data;
  return [r, g, b, alpha / 255];
}

/** Whether what lies behind an element is dark. @param {Element} element */
export function isDark(element) {
  /** @type {Element | null} */
  let at = element;
  while (at) {
    const [r = 0, g = 0, b = 0, alpha = 0] = channels(getComputedStyle(at).backgroundColor);
    if (alpha > 0.5) return 0.2126 * r + 0.7152 * g + 0.0722 * b < 128;
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
