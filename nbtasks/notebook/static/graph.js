// The Graph: a canvas as boxes and lines, each box in the state of its tasks.

import {
  dim,
  labelOf,
  makeBlank,
  makeBox,
  makeDot,
  makeLine,
  pathWords,
  showNode,
  towards,
} from "./boxes.js";
import { COLOURS, count, FAILURE, isFinished, make, setAttribute, setText } from "./core.js";
import { HEIGHT, layOut, route, Spot, WIDTH } from "./layout.js";
import { actButton } from "./parts.js";
import { makeSvg, Stage, toolButton } from "./stage.js";
import { MOST, opensInto, Strands, spansOf } from "./strands.js";
import { Written } from "./written.js";

/** @typedef {import("./link.js").Link} Link */
/** @typedef {import("./strands.js").Box} Box */
/**
 * @typedef {object} Actions
 * @property {(i: number) => void} open the details of a task; -1: of none
 * @property {(text: string) => void} note
 * @property {(text: string) => void} announce
 * @property {(code: number) => boolean} lets whether a state is to be seen
 */
/** @typedef {import("./boxes.js").Node} Node */

export class Graph {
  /** @type {Node[]} */
  nodes = [];
  /** @type {Map<Element, number>} */
  places = new Map();
  /** @type {Map<Spot, Map<Spot, Element>>} */
  paths = new Map();
  one = makeBlank(false);
  many = makeBlank(true);
  path = "";
  cursor = 0;
  picked = "";
  isStale = true;

  /** @param {Link} link @param {Actions} actions @param {AbortSignal} signal */
  constructor(link, actions, signal) {
    this.link = link;
    this.actions = actions;
    this.strands = new Strands(/** @type {import("./strands.js").Ast} */ (link.state.ast));
    this.element = make("div", "nbt-graph");
    this.stage = new Stage(`Graph of ${link.state.title}`, signal);
    this.lines = makeSvg("g", "nbt-lines");
    this.boxes = makeSvg("g");
    this.stage.world.append(this.lines, this.boxes);
    this.facts = make("span", "nbt-facts");
    this.written = new Written(link, actions.note);
    this.of = new Int32Array(link.state.n);
    this.known = new Uint8Array(link.state.n);
    /** @type {(text: string, label: string, act: () => void) => HTMLButtonElement} */
    const tool = (text, label, act) => toolButton(text, label, act, signal);
    this.turn = tool("open", "Open this box", () => this.#turn(this.#place()));
    this.shut = tool("close group", "Close group: what this came out of", () =>
      this.#shut(this.#place()),
    );
    this.again = tool("retry from here", "Retry from here: what failed, and what hangs on it", () =>
      this.link.ask({ t: "retry", spans: this.#picked()?.box.spans }, ({ kind, text }) =>
        this.actions.note(kind === "ok" ? "" : text),
      ),
    );
    this.cancel = actButton({
      text: "cancel branch",
      label: "Cancel branch: this and all that waits for it",
      sure: () => `Sure? ${count(this.#branch().count)}`,
      act: (report) => this.link.ask({ t: "cancel", spans: this.#branch().spans }, report),
      note: this.actions.note,
      signal,
    });
    this.#build(tool);
    this.#listen(signal);
    this.stage.needsMap = () => this.#paintMap();
  }

  /** @param {(text: string, label: string, act: () => void) => HTMLButtonElement} tool */
  #build(tool) {
    const tools = make("div", "nbt-tools");
    setAttribute(tools, "role", "group");
    setAttribute(tools, "aria-label", "graph");
    tools.append(
      tool("fit", "Fit: show all of it", () => this.stage.fit()),
      tool("−", "Smaller", () => this.stage.zoom(1 / 1.3)),
      tool("+", "Larger", () => this.stage.zoom(1.3)),
      tool("open all", "Open all boxes", () => this.#openAll()),
      tool("close all", "Close all boxes", () => this.#closeAll()),
      tool("code", "Copy as Python code", () => this.written.turn("code")),
      tool("Mermaid", "Copy as a Mermaid flowchart", () => this.written.turn("mermaid")),
    );
    this.cancel.classList.add("nbt-tool");
    const bar = make("div", "nbt-pick");
    bar.append(this.facts, this.turn, this.shut, this.again, this.cancel);
    this.element.append(tools, this.stage.element, bar, this.written.element);
  }

  /** @param {AbortSignal} signal */
  #listen(signal) {
    const { svg } = this.stage;
    const at = (/** @type {Event} */ event) => {
      const found = /** @type {Element} */ (event.target).closest(".nbt-node");
      return found ? (this.places.get(found) ?? -1) : -1;
    };
    const click = (/** @type {Event} */ event) => {
      const place = at(event);
      if (place < 0 || this.stage.wasDragged) return;
      if (/** @type {Element} */ (event.target).closest(".nbt-plus")) this.#turn(place);
      else this.#pick(place);
    };
    svg.addEventListener("click", click, { signal });
    svg.addEventListener("dblclick", (event) => this.#turn(at(event)), { signal });
    svg.addEventListener("keydown", (event) => this.#key(event, at(event)), { signal });
    const enter = (/** @type {Event} */ event) => {
      const place = at(event);
      if (place >= 0) this.#move(place, false);
    };
    // Not on the SVG: one that listens for this can be focused itself.
    this.stage.element.addEventListener("focusin", enter, { signal });
  }

  get isShown() {
    return !this.element.hidden;
  }

  /** It is in front again. */
  wake() {
    if (this.isStale) this.paint(null);
    if (this.stage.element.clientWidth && !this.stage.width) this.stage.home();
  }

  /** Other boxes are to be seen. @param {string} [focus] the key of the one to go to */
  #lay(focus) {
    const isFirst = this.nodes.length === 0;
    const boxes = this.strands.boxes();
    const layout = layOut(boxes.map((box) => box.before));
    this.nodes = boxes.map((box, at) => {
      const blank = box.count > 1 ? this.many : this.one;
      return makeBox(this.link, box, layout.boxes[at] ?? new Spot("box"), blank);
    });
    this.places = new Map(this.nodes.map((node, at) => [node.element, at]));
    this.paths = new Map();
    /** @type {Element[]} */
    const lines = [];
    for (const spot of layout.spots) {
      if (spot.kind === "dot") lines.push(makeDot(spot));
      this.paths.set(spot, new Map(spot.after.map((after) => [after, makeLine(spot, after)])));
      lines.push(...(this.paths.get(spot)?.values() ?? []));
    }
    this.lines.replaceChildren(...lines);
    this.boxes.replaceChildren(...this.nodes.map(({ element }) => element));
    this.#count();
    this.path = "";
    const to =
      focus === undefined ? -1 : boxes.findIndex(({ key, from }) => [key, from].includes(focus));
    this.cursor = Math.max(0, to);
    this.nodes[this.cursor]?.element.setAttribute("tabindex", "0");
    this.stage.turn(layout, isFirst);
  }

  #count() {
    this.known.set(this.link.codes);
    this.nodes.forEach(({ box, counts }, at) => {
      for (const [from, to] of box.spans) {
        this.of.fill(at, from, to);
        for (let i = from; i < to; i += 1)
          counts[this.known[i] ?? 0] = (counts[this.known[i] ?? 0] ?? 0) + 1;
      }
    });
  }

  /** @param {Iterable<number> | null} changed null: everything */
  paint(changed) {
    if (!this.isShown) {
      this.isStale = true;
      return;
    }
    if (changed === null || this.isStale) {
      if (!this.nodes.length) this.#lay();
      else {
        for (const node of this.nodes) node.counts.fill(0);
        this.#count();
      }
      this.isStale = false;
      for (const node of this.nodes) showNode(this.link, node);
      this.#afterwards();
      return;
    }
    const boxes = new Set();
    for (const i of changed) {
      const at = this.of[i] ?? 0;
      const { counts } = this.nodes[at] ?? {};
      const [was, is] = [this.known[i] ?? 0, this.link.codes[i] ?? 0];
      if (counts) {
        counts[was] = (counts[was] ?? 1) - 1;
        counts[is] = (counts[is] ?? 0) + 1;
      }
      this.known[i] = is;
      boxes.add(at);
    }
    for (const at of boxes) {
      const node = this.nodes[at];
      if (node) showNode(this.link, node);
    }
    if (boxes.size) this.#afterwards();
  }

  #afterwards() {
    this.dim(this.actions.lets);
    this.#showPath();
    this.#paintMap();
    this.show();
  }

  #showPath() {
    const { path = [] } = this.link.state;
    const key = `${path}`;
    if (key === this.path) return;
    this.path = key;
    for (const found of this.element.querySelectorAll("[data-critical]")) {
      found.removeAttribute("data-critical");
    }
    const at = [...new Set(path.map((i) => this.of[i] ?? 0))];
    at.forEach((place, step) => {
      const node = this.nodes[place];
      const before = this.nodes[at[step - 1] ?? -1];
      node?.element.setAttribute("data-critical", "");
      const way = node && before ? route(before.spot, node.spot) : [];
      way.forEach((spot, place) => {
        const next = way[place + 1];
        if (next) this.paths.get(spot)?.get(next)?.setAttribute("data-critical", "");
      });
    });
  }

  /** Takes the colours from the theme. */
  recolour() {
    if (this.isShown && this.nodes.length) this.#paintMap();
  }

  #paintMap() {
    if (this.stage.corner.hidden) return;
    const style = getComputedStyle(this.element);
    const palette = COLOURS.map((name) => style.getPropertyValue(`--nbt-${name}`).trim() || "#888");
    this.stage.paintMap(
      this.nodes.map(({ spot, element }) => ({
        place: { x: spot.x, y: spot.y, width: WIDTH, height: HEIGHT },
        colour: palette[Number(element.getAttribute("data-code"))] ?? "#888",
      })),
    );
  }

  /** Where the box is that is picked; the keys may be on another one. */
  #place() {
    return this.nodes.findIndex(({ box }) => box.key === this.picked);
  }

  #picked() {
    return this.nodes[this.#place()];
  }

  /** The box that the keys are on. */
  get current() {
    return /** @type {HTMLElement | undefined} */ (
      /** @type {unknown} */ (this.nodes[this.cursor]?.element)
    );
  }

  /** Go to the next box with a failure. */
  nextFailure() {
    const to = towards(this.nodes, this.cursor, "f") ?? -1;
    if (to >= 0 && this.nodes[to]?.box.key !== this.picked) this.#pick(to);
  }

  /** @param {(code: number) => boolean} lets whether a state is to be seen */
  dim(lets) {
    dim(this.nodes, lets);
  }

  /** The words and buttons of the box that is picked. */
  show() {
    const node = this.#picked();
    const { state, over } = this.link;
    for (const { box, element } of node ? [node] : []) {
      if (!element.hasAttribute("data-picked")) element.setAttribute("data-picked", "");
      setText(
        this.facts,
        `${labelOf(this.link, box)}: ${element.children[element.children.length - 1]?.textContent}`,
      );
    }
    if (!node)
      setText(this.facts, state.path?.length ? `took longest: ${pathWords(this.link)}` : "");
    this.turn.hidden = !node || node.box.count === 1;
    this.shut.hidden = !node?.box.from;
    const gone = this.link.ended || this.link.orphaned;
    this.again.hidden = !node?.counts[FAILURE] || gone;
    this.cancel.hidden = !node || over || this.#branch().count === 0;
  }

  /** The unfinished tasks of the picked box, and all that wait for them. */
  #branch() {
    const marks = this.strands.onwards(this.#picked()?.box.spans ?? []);
    return spansOf(marks, (i) => !isFinished(this.link.codes[i] ?? 0));
  }

  /** @param {number} place */
  #pick(place) {
    const node = this.nodes[place];
    if (!node) return;
    this.#picked()?.element.removeAttribute("data-picked");
    this.picked = this.picked === node.box.key ? "" : node.box.key;
    this.#move(place, true);
    const [i = 0] = node.box.spans[0] ?? [];
    this.actions.open(this.picked && node.box.count === 1 ? i : -1);
    this.show();
  }

  /** @param {number} place */
  #turn(place) {
    const { box } = this.nodes[place] ?? {};
    if (!box || box.count === 1) return;
    if (this.nodes.length + opensInto(box) > MOST) {
      this.actions.note(`only ${count(MOST)} boxes are drawn: close others first`);
      return;
    }
    this.strands.turn(box.key, true);
    this.#again(box.key);
  }

  /** Close what a box came out of. @param {number} place */
  #shut(place) {
    const { box } = this.nodes[place] ?? {};
    if (!box?.from) return;
    this.strands.turn(box.from, false);
    this.#again(box.from);
  }

  #openAll() {
    const isAll = this.strands.openAll();
    if (!isAll) this.actions.note(`only ${count(MOST)} boxes are drawn`);
    this.#again();
    this.stage.fit();
  }

  #closeAll() {
    this.strands.open.clear();
    this.#again();
    this.stage.home();
  }

  /** @param {string} [focus] */
  #again(focus) {
    const hadFocus = this.boxes.matches(":focus-within");
    this.actions.open(-1);
    this.#lay(focus);
    for (const node of this.nodes) showNode(this.link, node);
    this.picked = focus === undefined ? "" : (this.nodes[this.cursor]?.box.key ?? "");
    if (focus !== undefined) this.#move(this.cursor, hadFocus);
    this.#afterwards();
  }

  /** @param {number} place @param {boolean} isFocus */
  #move(place, isFocus) {
    const node = this.nodes[place];
    if (!node) return;
    this.nodes[this.cursor]?.element.setAttribute("tabindex", "-1");
    this.cursor = place;
    node.element.setAttribute("tabindex", "0");
    this.stage.reveal({ x: node.spot.x, y: node.spot.y, width: WIDTH, height: HEIGHT });
    if (isFocus) /** @type {SVGElement} */ (node.element).focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event @param {number} place */
  #key(event, place) {
    const node = this.nodes[place];
    if (!node || event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event;
    const to = towards(this.nodes, place, key);
    if (to !== undefined) this.#move(to, true);
    else if (key === "Enter" || key === " ") this.#pick(place);
    else if (key === "e") this.#turn(place);
    else if (key === "c") this.#shut(place);
    else if (key === "+") this.stage.zoom(1.3);
    else if (key === "-") this.stage.zoom(1 / 1.3);
    else if (key === "0") this.stage.fit();
    else return;
    // The notebook has shortcuts of its own on these keys.
    event.preventDefault();
    event.stopPropagation();
  }
}
