// The boxes of a graph: what they are made of, what they say, and the way from one to another.

import {
  count,
  FAILURE,
  GLYPHS,
  IGNORED,
  isFinished,
  PENDING,
  PROGRESS,
  RETRY,
  REVOKED,
  STARTED,
  SUCCESS,
  setAttribute,
  setText,
  WORDS,
} from "./core.js";
import { HEIGHT, linePath, WIDTH } from "./layout.js";
import { makeSvg } from "./stage.js";

/** @typedef {import("./link.js").Link} Link */
/** @typedef {import("./strands.js").Box} Box */
/** @typedef {import("./layout.js").Spot} Spot */
/** @typedef {{box: Box, spot: Spot, counts: Uint32Array, element: Element, name: Element, words: Element, done: Element, bad: Element}} Node */

const LABEL = 20;
const LABEL_OF_MANY = 16;
const BAR = WIDTH - 20;
const ROLES = ["", "callback", "errback"];
const ENDS = [SUCCESS, FAILURE, REVOKED, IGNORED];
// Which state a box of many tasks has: the first of these that one of them is in.
const FIRST = [FAILURE, REVOKED, STARTED, PROGRESS, RETRY, PENDING, SUCCESS, IGNORED];

/** @param {Link} link @param {Box} box @param {Spot} spot @param {Element} blank @returns {Node} */
export function makeBox(link, box, spot, blank) {
  const isMany = box.count > 1;
  const element = /** @type {Element} */ (blank.cloneNode(true));
  const [words, name, bad, done] = /** @type {[Element, Element, Element, Element]} */ (
    [...element.children].reverse()
  );
  element.setAttribute("transform", `translate(${spot.x} ${spot.y})`);
  if (box.role) element.setAttribute("data-role", String(box.role));
  const label = labelOf(link, box);
  const room = isMany ? LABEL_OF_MANY : LABEL;
  setText(name, label.length > room ? `${label.slice(0, room - 1)}…` : label);
  if (isMany) element.setAttribute("aria-expanded", "false");
  return { box, spot, counts: new Uint32Array(8), element, name, words, done, bad };
}

/** What a box is called. @param {Link} link @param {Box} box */
export function labelOf(link, { names, rows, count: n, role, spans, key }) {
  const [first = 0] = spans[0] ?? [];
  const name = names.join("→");
  const kind = role ? `${ROLES[role]}: ` : "";
  if (n === 1) return `${kind}${link.label(first)}`;
  const part = key.match(/(\d+)-\d+$/);
  if (part) return `${kind}${name} ${part[1]}–${Number(part[1]) + rows - 1}`;
  return rows > 1 ? `${kind}${count(rows)} × ${name}` : `${kind}${name}`;
}

/** The names of what a canvas has waited for. @param {Link} link */
export function pathWords(link) {
  const names = (link.state.path ?? []).map((i) => link.label(i));
  const few = names.length > 7 ? [...names.slice(0, 3), "…", ...names.slice(-3)] : names;
  return few.join(" → ");
}

/** Show how far it is. @param {Link} link @param {Node} node */
export function showNode(link, { box, counts, element, words, done, bad }) {
  const code = FIRST.find((each) => counts[each]) ?? PENDING;
  setAttribute(element, "data-code", String(code));
  const [i = 0] = box.spans[0] ?? [];
  const ended = ENDS.reduce((sum, each) => sum + (counts[each] ?? 0), 0);
  const failed = (counts[FAILURE] ?? 0) + (counts[REVOKED] ?? 0);
  const isOne = box.count === 1;
  const share = isOne ? (isFinished(code) ? 0 : (link.share(i) ?? 0)) : ended / box.count;
  const percent = isOne && share ? ` ${Math.round(share * 100)} %` : "";
  const text = isOne ? `${WORDS[code]}${percent}` : sentence(counts, box.count, ended);
  setText(words, `${GLYPHS[code]} ${text}`);
  const wrong = isOne ? 0 : (failed / box.count) * BAR;
  const right = share * BAR - wrong;
  setAttribute(done, "width", String(right));
  setAttribute(bad, "x", String(10 + right));
  setAttribute(bad, "width", String(wrong));
  setAttribute(element, "aria-label", `${labelOf(link, box)}: ${text}`);
}

/** Put back what is in no state that is picked. @param {Node[]} nodes @param {(code: number) => boolean} lets */
export function dim(nodes, lets) {
  for (const { element, counts } of nodes) {
    const isSeen = counts.some((amount, code) => amount > 0 && lets(code));
    element.toggleAttribute("data-dim", !isSeen);
  }
}

/**
 * Where a key leads from a box; -1: nowhere, undefined: it is none of these keys.
 * @param {Node[]} nodes @param {number} at @param {string} key
 */
export function towards(nodes, at, key) {
  const spot = nodes[at]?.spot;
  if (!spot) return undefined;
  const place = (/** @type {Spot | undefined} */ found) =>
    found ? nodes.findIndex((node) => node.spot === found) : -1;
  if (key === "ArrowRight") return place(boxNear(spot, "after"));
  if (key === "ArrowLeft") return place(boxNear(spot, "before"));
  if (key === "Home") return 0;
  if (key === "End") return nodes.length - 1;
  const step = { ArrowDown: 1, ArrowUp: -1 }[key];
  if (step) {
    const column = nodes.map((each) => each.spot).filter((each) => each.layer === spot.layer);
    column.sort((a, b) => a.y - b.y);
    return place(column[column.indexOf(spot) + step]);
  }
  if (key !== "f") return undefined;
  for (let next = 1; next <= nodes.length; next += 1) {
    const found = (at + next) % nodes.length;
    if (nodes[found]?.counts[FAILURE]) return found;
  }
  return -1;
}

/** The next box along a line. @param {Spot} spot @param {"before" | "after"} side */
function boxNear(spot, side) {
  let at = spot[side][0];
  while (at && at.kind !== "box") at = at[side][0];
  return at;
}

/** @param {Uint32Array} counts @param {number} n @param {number} ended */
function sentence(counts, n, ended) {
  const failed = counts[FAILURE] ?? 0;
  const running = (counts[STARTED] ?? 0) + (counts[PROGRESS] ?? 0);
  const more = failed
    ? ` · ${count(failed)} failed`
    : running
      ? ` · ${count(running)} running`
      : "";
  return `${count(ended)} / ${count(n)}${more}`;
}

/** A box without words: its last parts are its bars and its two lines. @param {boolean} isMany */
export function makeBlank(isMany) {
  const element = makeSvg("g", "nbt-node");
  element.setAttribute("role", "button");
  element.setAttribute("tabindex", "-1");
  /** @param {string} tag @param {string} className @param {Record<string, number>} given */
  const add = (tag, className, given) => {
    const node = makeSvg(tag, className);
    for (const [name, value] of Object.entries(given)) node.setAttribute(name, String(value));
    element.append(node);
    return node;
  };
  const size = { width: WIDTH, height: HEIGHT, rx: 6 };
  if (isMany) add("rect", "nbt-behind", { ...size, x: 4, y: 4 });
  add("rect", "nbt-box", size);
  if (isMany) {
    add("rect", "nbt-plus", { x: WIDTH - 26, y: 0, width: 26, height: 26, rx: 6 });
    const sign = add("path", "nbt-plus nbt-sign", {});
    sign.setAttribute("d", `M${WIDTH - 18} 13h10m-5 -5v10`);
  }
  add("rect", "nbt-done-part", { x: 10, y: HEIGHT - 8, height: 3, rx: 1.5 });
  add("rect", "nbt-bad-part", { y: HEIGHT - 8, height: 3, rx: 1.5 });
  add("text", "nbt-node-name", { x: 10, y: 17 });
  add("text", "nbt-node-words", { x: 10, y: 32 });
  return element;
}

/** @param {Spot} from @param {Spot} to */
export function makeLine(from, to) {
  const line = makeSvg("path");
  line.setAttribute("d", linePath(from, to));
  return line;
}

/** @param {Spot} spot */
export function makeDot(spot) {
  const dot = makeSvg("circle");
  dot.setAttribute("cx", String(spot.x + spot.width / 2));
  dot.setAttribute("cy", String(spot.middle));
  dot.setAttribute("r", "4");
  return dot;
}
