// A page that is larger than its window: panned, zoomed, with a small map of it.

import { make, setAttribute } from "./core.js";
import { plainButton } from "./parts.js";

const LEAST = 0.05;
const READABLE = 0.6;
const HIGHEST = 420;
const LOWEST = 96;
const MAP_WIDTH = 150;
const MAP_HEIGHT = 90;
const MAP_MOST = 0.2;
const DRAG = 4;
const SVG = "http://www.w3.org/2000/svg";

/** @param {string} tag @param {string} [className] */
export function makeSvg(tag, className = "") {
  const node = document.createElementNS(SVG, tag);
  if (className) node.setAttribute("class", className);
  return node;
}

/** @typedef {{x: number, y: number, width: number, height: number}} Place */

export class Stage {
  /** @param {string} label @param {AbortSignal} signal */
  constructor(label, signal) {
    this.element = make("div", "nbt-stage");
    this.svg = makeSvg("svg", "nbt-svg");
    this.svg.setAttribute("role", "group");
    this.svg.setAttribute("aria-label", label);
    this.world = makeSvg("g");
    this.svg.append(this.world);
    this.map = make("canvas", "nbt-map");
    this.map.setAttribute("aria-hidden", "true");
    this.frame = make("div", "nbt-map-frame");
    this.corner = make("div", "nbt-map-corner");
    this.needsMap = () => {};
    this.corner.append(this.map, this.frame);
    this.element.append(this.svg, this.corner);
    this.width = 0;
    this.height = 0;
    this.x = 0;
    this.y = 0;
    this.k = 1;
    /** @type {{width: number, height: number}} */
    this.page = { width: 0, height: 0 };
    /** Whether a click ends a drag, and means nothing. */
    this.wasDragged = false;
    this.#listen(signal);
  }

  /** @param {AbortSignal} signal */
  #listen(signal) {
    const observer = new ResizeObserver(() => this.#resize());
    observer.observe(this.element);
    signal.addEventListener("abort", () => observer.disconnect());
    this.svg.addEventListener("pointerdown", (event) => this.#drag(event, signal), { signal });
    this.svg.addEventListener(
      "wheel",
      (event) => {
        // A wheel alone belongs to the notebook.
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        const { left, top } = this.svg.getBoundingClientRect();
        this.zoom(1.0015 ** -event.deltaY, event.clientX - left, event.clientY - top);
      },
      { signal, passive: false },
    );
    const jump = (/** @type {PointerEvent} */ event) => {
      if (!event.buttons) return;
      const { left, top } = this.map.getBoundingClientRect();
      const [across, down] = this.mapScale;
      this.centre((event.clientX - left) / across, (event.clientY - top) / down);
    };
    this.map.addEventListener("pointerdown", jump, { signal });
    this.map.addEventListener("pointermove", jump, { signal });
  }

  /** @param {PointerEvent} event @param {AbortSignal} signal */
  #drag(event, signal) {
    if (event.button !== 0) return;
    this.wasDragged = false;
    const [fromX, fromY] = [event.clientX - this.x, event.clientY - this.y];
    const [startX, startY] = [event.clientX, event.clientY];
    const stop = new AbortController();
    signal.addEventListener("abort", () => stop.abort(), { signal: stop.signal });
    const move = (/** @type {PointerEvent} */ now) => {
      const far = Math.hypot(now.clientX - startX, now.clientY - startY);
      if (!this.wasDragged && far < DRAG) return;
      this.wasDragged = true;
      this.#move(now.clientX - fromX, now.clientY - fromY, this.k);
    };
    const options = { signal: stop.signal };
    window.addEventListener("pointermove", move, options);
    window.addEventListener("pointerup", () => stop.abort(), options);
    window.addEventListener("pointercancel", () => stop.abort(), options);
  }

  #resize() {
    const isNew = this.width === 0;
    this.width = this.element.clientWidth;
    if (this.width && (isNew || this.corner.hidden)) this.home();
    else this.#move(this.x, this.y, this.k);
  }

  /** Another page is shown. @param {{width: number, height: number}} page @param {boolean} isFirst */
  turn(page, isFirst) {
    this.page = page;
    this.#stand();
    if (isFirst) this.home();
    else this.#move(this.x, this.y, this.k);
  }

  #stand() {
    const k = Math.max(READABLE, this.#fitting());
    this.height = Math.round(Math.min(HIGHEST, Math.max(LOWEST, this.page.height * k)));
    this.element.style.height = `${this.height}px`;
  }

  #fitting() {
    const { width, height } = this.page;
    return Math.min(1, (this.width || 800) / width, HIGHEST / height);
  }

  /** All of it, as far as words can be read; else its beginning. */
  home() {
    this.width = this.element.clientWidth || 800;
    this.#stand();
    const k = Math.max(READABLE, this.#fitting());
    const { width, height } = this.page;
    const x = Math.max(0, (this.width - width * k) / 2);
    this.#move(x, (this.height - height * k) / 2, k);
  }

  /** All of it. */
  fit() {
    const { width, height } = this.page;
    const k = Math.max(LEAST, Math.min(1, this.width / width, this.height / height));
    this.#move((this.width - width * k) / 2, (this.height - height * k) / 2, k);
  }

  /** @param {number} factor @param {number} [atX] @param {number} [atY] */
  zoom(factor, atX = this.width / 2, atY = this.height / 2) {
    const k = Math.min(2, Math.max(LEAST, this.k * factor));
    const ratio = k / this.k;
    this.#move(atX - (atX - this.x) * ratio, atY - (atY - this.y) * ratio, k);
  }

  /** @param {number} x @param {number} y of the page */
  centre(x, y) {
    this.#move(this.width / 2 - x * this.k, this.height / 2 - y * this.k, this.k);
  }

  /** Have a place of the page in sight. @param {Place} place */
  reveal({ x, y, width, height }) {
    const { k } = this;
    const nearX = inside(this.x, x * k, (x + width) * k, this.width);
    const nearY = inside(this.y, y * k, (y + height) * k, this.height);
    if (nearX !== this.x || nearY !== this.y) this.#move(nearX, nearY, k);
  }

  /** @param {number} x @param {number} y @param {number} k */
  #move(x, y, k) {
    const { width, height } = this.page;
    this.k = k;
    this.x = within(x, this.width, width * k);
    this.y = within(y, this.height, height * k);
    this.world.setAttribute("transform", `translate(${this.x} ${this.y}) scale(${k})`);
    this.element.toggleAttribute("data-far", k < 0.3);
    this.#frameMap();
  }

  #frameMap() {
    const { width, height } = this.page;
    const isAll = width * this.k <= this.width + 1 && height * this.k <= this.height + 1;
    const isNew = this.corner.hidden;
    this.corner.hidden = isAll;
    if (isAll) return;
    if (isNew) this.needsMap();
    const [across, down] = this.mapScale;
    Object.assign(this.frame.style, {
      left: `${Math.max(0, (-this.x / this.k) * across)}px`,
      top: `${Math.max(0, (-this.y / this.k) * down)}px`,
      width: `${Math.min(width, this.width / this.k) * across}px`,
      height: `${Math.min(height, this.height / this.k) * down}px`,
    });
  }

  /** Px of the map for one of the page, each way: a page of a thousand rows is no hair. @returns {[number, number]} */
  get mapScale() {
    const { width, height } = this.page;
    return [Math.min(MAP_MOST, MAP_WIDTH / width), Math.min(MAP_MOST, MAP_HEIGHT / height)];
  }

  /** @param {Iterable<{place: Place, colour: string}>} boxes */
  paintMap(boxes) {
    const [across, down] = this.mapScale;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [this.page.width * across, this.page.height * down];
    this.map.width = Math.ceil(width * ratio);
    this.map.height = Math.ceil(height * ratio);
    Object.assign(this.map.style, { width: `${width}px`, height: `${height}px` });
    const context = this.map.getContext("2d");
    if (!context) return;
    context.scale(ratio, ratio);
    for (const { place, colour } of boxes) {
      context.fillStyle = colour;
      const [wide, high] = [place.width * across, Math.max(1, place.height * down)];
      context.fillRect(place.x * across, place.y * down, wide, high);
    }
  }
}

/** Where a page of some size may begin: some of it is always in sight. @param {number} at @param {number} room @param {number} size */
function within(at, room, size) {
  if (size <= room) return Math.min(room - size, Math.max(0, at));
  return Math.min(room / 2, Math.max(room / 2 - size, at));
}

/** @param {number} at @param {number} low @param {number} high @param {number} room */
function inside(at, low, high, room) {
  const edge = 12;
  if (at + low < edge) return edge - low;
  return at + high > room - edge ? room - edge - high : at;
}

/** @param {string} text @param {string} label @param {() => void} act @param {AbortSignal} signal */
export function toolButton(text, label, act, signal) {
  const button = plainButton(text, "", act, signal);
  button.classList.add("nbt-tool");
  setAttribute(button, "aria-label", label);
  setAttribute(button, "title", label);
  return button;
}
